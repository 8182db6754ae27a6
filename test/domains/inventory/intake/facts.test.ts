// The facts a system is listed with: right for each product, and harmless whatever a document holds.
import { describe, expect, test } from "bun:test";
import { extractFacts } from "../../../../src/domains/inventory/intake/facts.ts";
import type { JsonObject, JsonValue } from "../../../../src/values/json/value.ts";

const FIXTURES = `${import.meta.dir}/../../../support/fixtures/inventories`;
const inventory = (name: string): Promise<JsonObject> => Bun.file(`${FIXTURES}/${name}.json`).json();
const nothing = {
  type: undefined,
  name: undefined,
  fqdn: undefined,
  version: undefined,
  ipv4: undefined,
  ipv6: undefined,
};

test("an NS8 cluster is listed with its leader's facts", async () => {
  expect(extractFacts(await inventory("ns8-inventory"))).toEqual({
    type: "ns8",
    name: "Produzione – sede",
    fqdn: "srv1.mobilgamma187.it",
    version: "3.18.2",
    ipv4: "192.168.138.206",
    ipv6: undefined,
  });
});

test("the leader is the node that says so, whatever its key, else node 1", () => {
  const nodes = (leader: string | undefined): JsonObject => ({
    installation: "nethserver",
    facts: {
      nodes: {
        "1": { fqdn: "one", cluster_leader: leader === "1" },
        "2": { fqdn: "two", cluster_leader: leader === "2" },
        "3": { fqdn: "three" },
      },
    },
  });
  expect([nodes("2"), nodes("1"), nodes(undefined)].map((document) => extractFacts(document).fqdn)).toEqual([
    "two",
    "one",
    "one",
  ]);
});

test("a firewall is listed with its own facts", async () => {
  const facts = {
    distro: { version: "8.7.1" },
    fqdn: "fw.x.it",
    default_ipv4: "192.0.2.1",
    default_ipv6: "2001:db8::1",
  };
  expect(extractFacts({ installation: "nethsecurity", facts })).toEqual({
    type: "nsec",
    name: undefined,
    fqdn: "fw.x.it",
    version: "8.7.1",
    ipv4: "192.0.2.1",
    ipv6: "2001:db8::1",
  });
  expect(extractFacts(await inventory("nsec-inventory"))).toMatchObject({ type: "nsec", fqdn: "NethSec" });
});

test("documents of the former collectors are understood", async () => {
  expect(extractFacts(await inventory("ns8-inventory-legacy")).type).toBe("ns8");
  expect(extractFacts(await inventory("nsec-inventory-legacy")).type).toBe("nsec");
  const document = {
    os: { type: "alpine", release: { full: "3.20" } },
    networking: { fqdn: "box.x.it" },
    public_ip: "192.0.2.7",
  };
  expect(extractFacts(document)).toEqual({
    ...nothing,
    type: "alpine",
    fqdn: "box.x.it",
    version: "3.20",
    ipv4: "192.0.2.7",
  });
});

test("a plain document with its facts at the top is understood", async () => {
  expect(extractFacts(await inventory("plain-inventory"))).toEqual({
    type: "rocky-linux",
    name: undefined,
    fqdn: "server.example.com",
    version: "8.0.1",
    ipv4: "192.168.1.100",
    ipv6: "2001:db8::1",
  });
  expect(extractFacts(await inventory("plain-inventory-minimal"))).toEqual({
    ...nothing,
    type: "nsec",
    fqdn: "server.example.com",
    version: "8.6.0-dev+43d54cd33.20251020175318",
    ipv4: "192.168.1.100",
  });
});

test.each<[JsonObject, string | undefined]>([
  [{ os: { name: "NethSec" } }, "nsec"],
  [{ os: { name: "NethServer", type: "" } }, "ns8"],
  [{ os: { name: "  Debian  GNU/Linux " } }, "debian-gnu/linux"],
  [{ os: { type: "NethSecurity", name: "Debian" } }, "nsec"],
  [{ os: { name: 7 } }, undefined],
  [{}, undefined],
])("the type of %j is %s", (document, type) => {
  expect(extractFacts(document).type).toBe(type);
});

describe("values that do not fit are left out", () => {
  const firewall = (facts: JsonObject) => extractFacts({ installation: "nethsecurity", facts });

  test.each<[JsonValue]>([
    [""],
    ["  "],
    [null],
    [7],
    [true],
    [["a"]],
    [{ a: 1 }],
    ["x".repeat(256)],
    ["a\0b"],
    ["a\ud800"],
  ])("as an FQDN: %j", (fqdn) => {
    expect(firewall({ fqdn })).toEqual({ ...nothing, type: "nsec" });
  });

  test.each<[JsonValue]>([
    ["256.1.1.1"],
    ["1.2.3"],
    ["1.2.3.4/24"],
    [" 1.2.3.4"],
    ["fe80::1"],
    [16909060],
    ["1.2.3.4, 5.6.7.8"],
    ["01.2.3.4"],
  ])("as an IPv4 address: %j", (default_ipv4) => {
    expect(firewall({ default_ipv4 }).ipv4).toBeUndefined();
  });

  test.each<[JsonValue]>([["1.2.3.4"], ["fe80::1%eth0"], ["::g"], ["2001:db8::/32"], [""]])(
    "as an IPv6 address: %j",
    (default_ipv6) => {
      expect(firewall({ default_ipv6 }).ipv6).toBeUndefined();
    },
  );

  test("while the longest that fit are kept", () => {
    const facts = firewall({
      fqdn: "x".repeat(255),
      distro: { version: "v".repeat(100) },
      default_ipv6: "2001:db8::1",
    });
    expect(facts).toMatchObject({ fqdn: "x".repeat(255), version: "v".repeat(100), ipv6: "2001:db8::1" });
  });
});

test("no shape of a document makes it fail", () => {
  const odd: JsonValue[] = [null, 1, "x", [], [1], {}, JSON.rawJSON("1e400")];
  for (const installation of ["nethserver", "nethsecurity", "other", null])
    for (const value of odd)
      for (const facts of [
        value,
        { nodes: value, cluster: value, distro: value, fqdn: value },
        { nodes: { "1": value } },
      ])
        expect(
          Object.keys(extractFacts({ installation, facts, os: value, networking: value, public_ip: value })),
        ).toHaveLength(6);
  expect(
    extractFacts(
      JSON.parse('{"installation":"nethserver","facts":{"nodes":{"__proto__":{"cluster_leader":true,"fqdn":"p"}}}}'),
    ).fqdn,
  ).toBe("p");
});
