// The client's address behind proxies: believed when a trusted one tells it, and read from the end of what is told.
import { describe, expect, test } from "bun:test";
import { readTrustedProxies, throughProxies } from "../../src/http/listen/proxies.ts";
import { parseConfig } from "../../src/app/settings.ts";
import { basic } from "../support/app.ts";
import { openListeningApp } from "../support/listening.ts";

const seen = (peer: string, forwarded: string | undefined, trusted = "10.0.0.0/8, 192.0.2.1, 2001:db8::/32") => {
  const server = { requestIP: (_request: Request) => ({ address: peer, family: "IPv4", port: 1 }) };
  const headers: Record<string, string> = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  return throughProxies(server, readTrustedProxies(trusted)).requestIP(new Request("http://x/", { headers }))?.address;
};

describe("the client's address", () => {
  test.each([
    ["is the peer's when it is no proxy of ours, whatever it says", "198.51.100.7", "203.0.113.9", "198.51.100.7"],
    ["is what a trusted proxy heard", "10.0.0.1", "203.0.113.9", "203.0.113.9"],
    [
      "is the last that is no proxy, and not what the client wrote before",
      "10.0.0.1",
      "1.1.1.1, 203.0.113.9, 10.9.9.9",
      "203.0.113.9",
    ],
    ["is the proxy's own when it says nothing", "10.0.0.1", undefined, "10.0.0.1"],
    ["is the proxy's own when it says nonsense", "10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"],
    ["is the proxy's own when there are only proxies", "10.0.0.1", "10.0.0.2, 192.0.2.1", "10.0.0.1"],
    ["may carry a port", "192.0.2.1", "203.0.113.9:4711", "203.0.113.9"],
    ["may be of the other family, in brackets", "2001:db8::1", "[2001:db9::5]:443", "2001:db9::5"],
    ["is known in its mapped form too", "::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"],
  ])("%s", (_how, peer, forwarded, expected) => {
    expect(seen(peer, forwarded)).toBe(expected);
  });
});

test.each(["10.0.0.0/33", "proxy.example.org", "::1/129", "10.0.0.1/8/8", "10.0.0.1,", "10.0.0.0/"])(
  "TRUSTED_PROXIES=%s is refused at the start",
  (text) => {
    expect(() => parseConfig({ TRUSTED_PROXIES: text, DATA_DIR: "/nonexistent" })).toThrow(
      "TRUSTED_PROXIES must be a list",
    );
  },
);

test("failed logins are counted by the client's own address behind a trusted proxy, and by the peer's otherwise", async () => {
  const failing = async (main: string, from: string) => {
    const headers = {
      authorization: basic("NOC-1", `my_${"0".repeat(20)}.${"0".repeat(40)}`),
      "x-forwarded-for": from,
    };
    return (await fetch(`${main}/api/systems/heartbeat`, { method: "POST", headers })).status;
  };
  const env = { AUTH_FAILURES_PER_MINUTE: "2" };
  await using behind = await openListeningApp({ ...env, TRUSTED_PROXIES: "127.0.0.1" });
  const statuses: number[] = [];
  for (const from of ["203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.2"])
    statuses.push(await failing(behind.main, from));
  expect(statuses).toEqual([401, 401, 429, 401]);
  await using alone = await openListeningApp(env);
  const forged: number[] = [];
  for (const from of ["203.0.113.1", "203.0.113.2", "203.0.113.3"]) forged.push(await failing(alone.main, from));
  expect(forged).toEqual([401, 401, 429]);
}, 60_000);
