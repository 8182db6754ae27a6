// Which network a client's address counts as, as a table.
import { describe, expect, test } from "bun:test";
import { networkOf } from "../../src/http/listen/network.ts";

describe("an address counts as", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:c000:0201", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::", "2001:db8:1:2::/64"],
    ["2001:0db8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
    ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["", ""],
    ["not an address", "not an address"],
    ["x".repeat(1000), "x".repeat(64)],
  ])("%s: %s", (address, network) => expect(networkOf(address)).toBe(network));
});

test("every address of a /64 counts as the same, and forty networks as forty", () => {
  const within = Array.from({ length: 40 }, (_, host) => networkOf(`2001:db8:7:7::${host.toString(16)}`));
  expect(new Set(within).size).toBe(1);
  const beside = Array.from({ length: 40 }, (_, subnet) => networkOf(`2001:db8:7:${subnet.toString(16)}::1`));
  expect(new Set(beside).size).toBe(40);
});
