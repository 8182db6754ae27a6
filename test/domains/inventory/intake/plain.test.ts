// Plain documents of any sender, bare and in the wrapper that some put around them: understood as far as everything else is.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { findIdentities } from "../../../../src/domains/alerts/labels/identities.ts";
import { readDocument } from "../../../../src/domains/inventory/intake/document.ts";
import { unwrap } from "../../../../src/domains/inventory/intake/document.ts";
import { openTestApp } from "../../../support/app.ts";
import type { TestApp, TestSystem } from "../../../support/app.ts";
import { isTrue, readHistory } from "../../../support/history.ts";

const FIXTURES = join(import.meta.dir, "../../../support/fixtures/inventories");
const fixture = (name: string) => Bun.file(join(FIXTURES, `${name}.json`)).text();

let muster: TestApp;
beforeAll(async () => {
  muster = await openTestApp();
}, 60_000);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);

const post = async ({ authorization }: TestSystem, document: unknown) => {
  const body = typeof document === "string" ? document : JSON.stringify(document);
  const answer = await muster.request("POST", "/api/systems/inventory", { authorization, body });
  expect(answer.status).toBe(200);
  await muster.clock.advance(1000);
  await muster.app.runner.drain();
  return answer.body.data;
};

const get = async <Data>(path: string) => (await muster.admin<Data>("GET", path)).body.data;

const changesOf = async ({ system_key: key }: TestSystem) => {
  const { changes } = await get<{ changes: Record<string, string>[] }>(`/api/admin/systems/${key}/inventory/changes`);
  return changes.map((one) => `${one["change_type"]} ${one["field_path"]} ${one["category"]} ${one["severity"]}`);
};

const dataText = async (path: string) => {
  const { text } = await muster.admin("GET", path);
  return text.slice(text.indexOf('"data":') + 7, -1);
};

describe("a plain document", () => {
  test("fills the fields of its system, is found by them and by what it says", async () => {
    const system = await muster.addSystem("plain");
    await post(system, await fixture("plain-inventory"));
    expect(await get(`/api/admin/systems/${system.system_key}`)).toMatchObject({
      type: "rocky-linux",
      fqdn: "server.example.com",
      version: "8.0.1",
      ipv4_address: "192.168.1.100",
      ipv6_address: "2001:db8::1",
    });
    const identities = await findIdentities(muster.database, [system.system_id]);
    expect(identities.get(system.system_id)?.labels).toMatchObject({
      system_type: "rocky-linux",
      system_fqdn: "server.example.com",
      system_ipv4: "192.168.1.100",
    });
    for (const words of ["server.example", "192.168.1.100", "8.0.1"]) {
      const { systems } = await get<{ systems: { system_key: string }[] }>(`/api/admin/systems?search=${words}`);
      expect(systems.map((one) => one.system_key)).toContain(system.system_key);
    }
    for (const q of ['os.name = "Rocky Linux"', 'services.nginx.version < "1.25"', "hardware.cpu_cores = 8"]) {
      const query = `q=${encodeURIComponent(q)}&type=rocky-linux`;
      const found = await get<{ systems: { system_key: string }[] }>(`/api/admin/inventory/query?${query}`);
      expect(found.systems.map((one) => one.system_key)).toEqual([system.system_key]);
    }
  }, 60_000);

  test("of the least that is asked for says which product it is", async () => {
    const system = await muster.addSystem("least");
    await post(system, await fixture("plain-inventory-minimal"));
    expect(await get(`/api/admin/systems/${system.system_key}`)).toMatchObject({
      type: "nsec",
      fqdn: "server.example.com",
      version: "8.6.0-dev+43d54cd33.20251020175318",
    });
  }, 60_000);
});

describe("what changes in a plain document", () => {
  interface Plain {
    [key: string]: Plain;
  }
  test.each<[string, (document: Plain) => unknown, string]>([
    ["its system", (d) => Object.assign(d["os"] ?? {}, { version: "9.4" }), "update os.version os high"],
    ["its kernel", (d) => Object.assign(d["os"] ?? {}, { kernel: "5.15" }), "update os.kernel os high"],
    [
      "a service's version",
      (d) => Object.assign(d["services"]?.["nginx"] ?? {}, { version: "1.25.0" }),
      "update services.nginx.version services medium",
    ],
    [
      "a service that failed",
      (d) => Object.assign(d["services"]?.["redis"] ?? {}, { status: "Failed" }),
      "update services.redis.status services high",
    ],
    ["a service that is gone", (d) => delete d["services"]?.["redis"], "delete services.redis services high"],
    [
      "a service that came",
      (d) => Object.assign(d["services"] ?? {}, { caddy: { status: "running" } }),
      "create services.caddy services medium",
    ],
    [
      "a feature",
      (d) => Object.assign(d["features"]?.["docker"] ?? {}, { enabled: false }),
      "update features.docker.enabled features medium",
    ],
    [
      "a feature that came",
      (d) => Object.assign(d["features"] ?? {}, { vpn: {} }),
      "create features.vpn features medium",
    ],
    ["a feature that is gone", (d) => delete d["features"]?.["docker"], "delete features.docker features medium"],
    [
      "memory",
      (d) => Object.assign(d["hardware"] ?? {}, { memory_total_gb: 16 }),
      "update hardware.memory_total_gb hardware medium",
    ],
    [
      "processors",
      (d) => Object.assign(d["hardware"] ?? {}, { cpu_cores: 4 }),
      "update hardware.cpu_cores hardware high",
    ],
    [
      "hardware that is gone",
      (d) => delete d["hardware"]?.["disk_total_gb"],
      "delete hardware.disk_total_gb hardware critical",
    ],
    [
      "an interface's address",
      (d) => Object.assign(d["network"]?.["interfaces"]?.["eth0"] ?? {}, { ip: "192.168.1.101" }),
      "update network.interfaces.eth0.ip network medium",
    ],
    [
      "an interface that is gone",
      (d) => delete d["network"]?.["interfaces"]?.["eth1"],
      "delete network.interfaces.eth1 network high",
    ],
    ["its address", (d) => Object.assign(d, { ipv4_address: "1.2.3.4" }), "update ipv4_address network medium"],
    ["its name", (d) => Object.assign(d, { fqdn: "other.example.com" }), "update fqdn network high"],
    ["its version", (d) => Object.assign(d, { version: "8.0.2" }), "update version system high"],
    [
      "a field of one's own",
      (d) => Object.assign(d["custom"] ?? {}, { datacenter: "EU" }),
      "update custom.datacenter custom low",
    ],
  ])("%s has its category and severity", async (name, alter, expected) => {
    const system = await muster.addSystem(name);
    const text = await fixture("plain-inventory");
    await post(system, text);
    const document = JSON.parse(text);
    alter(document);
    await post(system, document);
    expect(await changesOf(system)).toEqual([expected]);
  });
});

describe("a wrapped document", () => {
  const wrapped = (data: unknown, timestamp = "2025-07-13T10:00:00Z") => ({ system_id: "test", timestamp, data });

  test("is what the wrapper holds; the wrapper's time is the device's and no change", async () => {
    const system = await muster.addSystem("wrapped");
    const key = system.system_key;
    expect(await post(system, wrapped({ os: { name: "TestOS" } }))).toMatchObject({ changes_detected: true });
    const first = await get<{ record: Record<string, unknown>; inventory: unknown }>(
      `/api/admin/systems/${key}/inventory/latest`,
    );
    expect(first.inventory).toEqual({ os: { name: "TestOS" } });
    expect(first.record).toMatchObject({ device_time: "2025-07-13T10:00:00.000Z" });
    expect(await get(`/api/admin/systems/${key}`)).toMatchObject({ type: "testos" });

    const again = await post(system, wrapped({ os: { name: "TestOS" } }, "2025-07-13T11:00:00Z"));
    expect(again).toMatchObject({ changes_detected: false });
    expect(await post(system, { os: { name: "TestOS" } })).toMatchObject({ changes_detected: false });
    await post(system, wrapped({ os: { name: "TestOS", version: "2", big: 1 } }, "yesterday"));
    expect(await changesOf(system)).toEqual(["create os.version os high", "create os.big os high"]);
    expect(await get(`/api/admin/systems/${key}/inventory/latest`)).toMatchObject({ record: { device_time: null } });
    expect(isTrue(await readHistory(dataText, key))).toBe(true);
  }, 60_000);

  test("keeps its numbers as they were written", () => {
    const text = '{"system_id":"a","timestamp":"b","data":{"n":10000000000000000001,"n":12345678901234567890}}';
    const read = readDocument(Buffer.from(text));
    expect(read).toMatchObject({ text: '{"n":12345678901234567890}', repeatedKeys: 1, size: text.length });
    expect(read.hash).toBe(readDocument(Buffer.from('{"n":12345678901234567890}')).hash);
  });

  test.each<[string, Record<string, unknown>]>([
    ["has another member", { ...wrapped({}), more: 1 }],
    ["lacks one", { timestamp: "2025-07-13T10:00:00Z", data: {} }],
    ["holds no object", wrapped([])],
    ["holds nothing", wrapped(null)],
    ["names no system", { ...wrapped({}), system_id: null }],
    ["has a number for a time", { ...wrapped({}), timestamp: 1 }],
  ])("is one only if it looks exactly like one: not one that %s", (_name, value) => {
    expect(unwrap(JSON.parse(JSON.stringify(value))).document).toEqual(JSON.parse(JSON.stringify(value)));
  });

  test.each<[string, string | undefined]>([
    ["2025-07-13T12:00:00.5+02:00", "2025-07-13T10:00:00.500Z"],
    ["2024-02-29T01:02:03Z", "2024-02-29T01:02:03.000Z"],
    ["2026-02-30T10:00:00Z", undefined],
    ["2025-07-13T25:00:00Z", undefined],
    ["2025-07-13", undefined],
    ["", undefined],
  ])("has the device's time %j, which is %s", (timestamp, time) => {
    expect(unwrap({ system_id: "a", timestamp, data: {} }).deviceTime).toBe(time);
  });
});
