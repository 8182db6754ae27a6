// record → diff → notify on the real store: what is kept of each inventory, and that the chain is true.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { encodeIncoming } from "../../../src/domains/inventory/intake/payload.ts";
import { readDocument } from "../../../src/domains/inventory/intake/document.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";
import { isTrue, readHistory } from "../../support/history.ts";
import { seeded } from "../../support/random.ts";

const FIXTURES = join(import.meta.dir, "../../support/fixtures/inventories");
const fixture = (name: string) => Bun.file(join(FIXTURES, `${name}.json`)).text();

let muster: TestApp;
beforeAll(async () => {
  muster = await openTestApp();
}, 240_000);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);

const post = async (system: TestSystem, document: unknown, { drain = true } = {}) => {
  const body = typeof document === "string" ? document : JSON.stringify(document);
  const answer = await muster.request("POST", "/api/systems/inventory", { authorization: system.authorization, body });
  await muster.clock.advance(1000);
  if (drain) await muster.app.runner.drain();
  return answer;
};

const changesOf = async (system: TestSystem, query = "") => {
  const { body } = await muster.admin<{ changes: Record<string, unknown>[] }>(
    "GET",
    `/api/admin/systems/${system.system_key}/inventory/changes${query}`,
  );
  return body.data.changes;
};

const historyOf = async (system: TestSystem) => {
  const { body } = await muster.admin<{ records: Record<string, unknown>[] }>(
    "GET",
    `/api/admin/systems/${system.system_key}/inventory/history`,
  );
  return body.data.records;
};

const dataText = async (path: string) => {
  const { text } = await muster.admin("GET", path);
  return text.slice(text.indexOf('"data":') + 7, -1);
};

/** Puts a document into the record queue as if it had been received then; the way late ones come. */
const pushLate = async (system: TestSystem, document: unknown, receivedAt: Date) => {
  const { text, hash, size, repaired } = readDocument(new TextEncoder().encode(JSON.stringify(document)));
  const id = Bun.randomUUIDv7("hex", receivedAt.getTime());
  const payload = encodeIncoming({
    id,
    systemId: system.system_id,
    receivedAt,
    hash,
    size,
    repaired,
    facts: {},
    partialReasons: [],
    text,
  });
  await muster.app.queue.push([{ queue: "collect:inventory", lane: system.system_id, payload }]);
  return payload;
};

describe("an inventory that was accepted", () => {
  test("is answered as the seed says and kept whole", async () => {
    const system = await muster.addSystem();
    const text = await fixture("ns8-inventory");
    const answer = await post(system, text);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      code: 200,
      message: "Inventory received and queued for processing",
      data: {
        data_size: Buffer.byteLength(text),
        message: "Your inventory data has been received and will be processed shortly",
        queue_status: "queued",
        system_id: system.system_id,
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        changes_detected: true,
      },
    });
    const latest = await muster.admin("GET", `/api/admin/systems/${system.system_key}/inventory/latest`);
    expect(latest.body.data["inventory"]).toEqual(JSON.parse(text));
    expect(await changesOf(system)).toEqual([]);
  }, 240_000);

  test("fills the fields of its system", async () => {
    const system = await muster.addSystem();
    await post(system, await fixture("nsec-inventory"));
    const { body } = await muster.admin("GET", `/api/admin/systems/${system.system_key}`);
    const { facts } = JSON.parse(await fixture("nsec-inventory"));
    expect(body.data).toMatchObject({
      type: "nsec",
      fqdn: facts.fqdn,
      version: facts.distro.version,
      ipv4_address: facts.default_ipv4,
    });
    expect(body.data["last_inventory_at"]).not.toBeNull();
  }, 240_000);

  test("gives readable changes against the one before", async () => {
    const system = await muster.addSystem();
    await post(system, await fixture("ns8-inventory"));
    await post(system, await fixture("ns8-inventory-after-30-steps"));
    const versions = await changesOf(system, "?severity=high&change_type=update");
    expect(versions).toContainEqual(
      expect.objectContaining({
        field_path: "facts.modules.nextcloud1.version",
        category: "modules",
        previous_value: "1.7.3",
        current_value: "2.0.0",
        significant: true,
      }),
    );
    const alerts = await muster.database.query<{ count: number }>(
      `select count(*)::integer as count from inventory_alerts where system_id = $1 and not is_resolved`,
      [system.system_id],
    );
    const high = (await changesOf(system, "?severity=high,critical&significant=true&limit=1000")).length;
    expect(alerts[0]?.count).toBe(high);
    expect(high).toBeGreaterThan(5);
    expect(isTrue(await readHistory(dataText, system.system_key))).toBe(true);
  }, 240_000);

  test("sent again only moves last_seen_at, also with its keys in another order", async () => {
    const system = await muster.addSystem();
    await post(system, { installation: "x", facts: { a: 1, b: 2 } });
    const again = await post(system, { facts: { b: 2, a: 1 }, installation: "x" });
    expect(again.body.data["changes_detected"]).toBe(false);
    const records = await historyOf(system);
    expect(records).toHaveLength(1);
    expect(Date.parse(String(records[0]?.["last_seen_at"]))).toBeGreaterThan(
      Date.parse(String(records[0]?.["received_at"])),
    );
  }, 240_000);

  test("that returns to an earlier state is a record of its own", async () => {
    const system = await muster.addSystem();
    const [a, b] = [{ facts: { v: "a" } }, { facts: { v: "b" } }];
    for (const document of [a, b, a]) expect((await post(system, document)).body.data["changes_detected"]).toBe(true);
    expect(await historyOf(system)).toHaveLength(3);
    expect((await changesOf(system)).map((change) => [change["previous_value"], change["current_value"]])).toEqual([
      ["b", "a"],
      ["a", "b"],
    ]);
  }, 240_000);

  test("is told from a re-send while the first is still in the queue", async () => {
    const system = await muster.addSystem();
    expect((await post(system, { facts: { v: 1 } }, { drain: false })).body.data["changes_detected"]).toBe(true);
    expect((await post(system, { facts: { v: 1 } }, { drain: false })).body.data["changes_detected"]).toBe(false);
    expect((await post(system, { facts: { v: 2 } }, { drain: false })).body.data["changes_detected"]).toBe(true);
    expect((await post(system, { facts: { v: 1 } }, { drain: false })).body.data["changes_detected"]).toBe(true);
    await muster.app.runner.drain();
    expect(await historyOf(system)).toHaveLength(3);
  }, 240_000);

  test("keeps the text of numbers that a double cannot hold", async () => {
    const system = await muster.addSystem();
    await post(system, `{"facts":{"serial":12345678901234567890,"huge":1e400}}`);
    await post(system, `{"facts":{"serial":12345678901234567891,"huge":1e400}}`);
    const text = await dataText(`/api/admin/systems/${system.system_key}/inventory/changes`);
    expect(text).toContain(`"previous_value":12345678901234567890,"current_value":12345678901234567891`);
    expect(await dataText(`/api/admin/systems/${system.system_key}/inventory/latest`)).toContain(`"huge":1e400`);
    expect(await changesOf(system)).toHaveLength(1);
  }, 240_000);

  test("with U+0000 and lone surrogates is repaired, counted and readable", async () => {
    const system = await muster.addSystem();
    await post(system, String.raw`{"facts":{"a\u0000b":"x\u0000y","lone":"\ud800"}}`);
    const records = await historyOf(system);
    expect(records[0]?.["repaired"]).toBe(3);
    const latest = await muster.admin("GET", `/api/admin/systems/${system.system_key}/inventory/latest`);
    expect(latest.body.data["inventory"]).toEqual({ facts: { "a\ufffdb": "x\ufffdy", lone: "\ufffd" } });
  }, 240_000);
});

describe("the chain", () => {
  test("takes a late record into its place and stays true", async () => {
    const system = await muster.addSystem();
    await post(system, { facts: { v: 1, kept: true } });
    const between = muster.clock.now();
    await muster.clock.advance(60_000);
    await post(system, { facts: { v: 3, kept: true } });
    expect(await changesOf(system)).toHaveLength(1);
    await pushLate(system, { facts: { v: 2, kept: true } }, between);
    await muster.app.runner.drain();
    expect((await changesOf(system)).map((change) => [change["previous_value"], change["current_value"]])).toEqual([
      [2, 3],
      [1, 2],
    ]);
    expect(isTrue(await readHistory(dataText, system.system_key))).toBe(true);
  }, 240_000);

  test("ends with a state that was seen again after a late record", async () => {
    const system = await muster.addSystem();
    await post(system, { facts: { v: "a" } });
    const between = muster.clock.now();
    await muster.clock.advance(60_000);
    await post(system, { facts: { v: "a" } });
    await pushLate(system, { facts: { v: "b" } }, between);
    await muster.app.runner.drain();
    const history = await readHistory(dataText, system.system_key);
    expect(history.latest).toEqual({ facts: { v: "a" } });
    expect(history.recordIds).toHaveLength(3);
    expect((await changesOf(system)).map((change) => change["current_value"])).toEqual(["a", "b"]);
    expect(isTrue(history)).toBe(true);
  }, 240_000);

  test("begins with a record that arrives late but was received first", async () => {
    const system = await muster.addSystem();
    const early = muster.clock.now();
    await muster.clock.advance(60_000);
    await post(system, { facts: { v: 2 } });
    await pushLate(system, { facts: { v: 1 } }, early);
    await muster.app.runner.drain();
    const history = await readHistory(dataText, system.system_key);
    expect(history.first).toEqual({ facts: { v: 1 } });
    expect(isTrue(history)).toBe(true);
  }, 240_000);

  test("is not changed by a job that is delivered twice", async () => {
    const system = await muster.addSystem();
    await post(system, { facts: { v: 1 } });
    const payload = await pushLate(system, { facts: { v: 2 } }, muster.clock.now());
    await muster.app.runner.drain();
    await muster.app.queue.push([{ queue: "collect:inventory", lane: system.system_id, payload }]);
    await muster.app.runner.drain();
    expect(await historyOf(system)).toHaveLength(2);
    expect(await changesOf(system)).toHaveLength(1);
  }, 240_000);

  test("keeps the order of two documents received in one millisecond", async () => {
    const system = await muster.addSystem();
    for (const v of [1, 2, 3]) {
      await muster.request("POST", "/api/systems/inventory", {
        authorization: system.authorization,
        body: JSON.stringify({ facts: { v } }),
      });
    }
    await muster.app.runner.drain();
    const history = await readHistory(dataText, system.system_key);
    expect(history.latest).toEqual({ facts: { v: 3 } });
    expect(history.recordIds).toHaveLength(3);
    expect(isTrue(history)).toBe(true);
  }, 240_000);

  test.each([1, 2, 3, 4, 5, 6])(
    "is true for random histories: late, twice, out of order, by two processes (seed %i)",
    async (seed) => {
      const random = seeded(seed);
      await using second = await openTestApp({}, { url: muster.databaseUrl, database: muster.database });
      const systems = await Promise.all([muster.addSystem(), muster.addSystem()]);
      const start = muster.clock.now().getTime();
      const payloads: string[] = [];
      for (let step = 0; step < 40; step += 1) {
        const system = random.pick(systems);
        const document = {
          facts: {
            n: random.int(4),
            list: Array.from({ length: random.int(4) }, () => ({ id: `m${random.int(5)}`, v: random.int(3) })),
          },
        };
        payloads.push(await pushLate(system, document, new Date(start + random.int(30) * 1000)));
        if (random.int(5) === 0) {
          await muster.app.queue.push([
            { queue: "collect:inventory", lane: system.system_id, payload: random.pick(payloads) },
          ]);
        }
        if (random.int(3) === 0) await Promise.all([muster.app.runner.drain(), second.app.runner.drain()]);
      }
      await Promise.all([muster.app.runner.drain(), second.app.runner.drain()]);
      await muster.app.runner.drain();
      for (const system of systems) {
        const history = await readHistory(dataText, system.system_key);
        expect(isTrue(history)).toBe(true);
        const [undiffed] = await muster.database.query<{ count: number }>(
          `select count(*)::integer as count from inventory_records where system_id = $1 and diffed_at is null`,
          [system.system_id],
        );
        expect(undiffed?.count).toBe(0);
      }
    },
    240_000,
  );
});

describe("one bad document beside good ones", () => {
  test("holds nobody up", async () => {
    const systems = await Promise.all(Array.from({ length: 5 }, () => muster.addSystem()));
    await muster.app.queue.push([{ queue: "collect:inventory", payload: "no header line", lane: "poison" }]);
    for (const system of systems) await post(system, await fixture("nsec-inventory"), { drain: false });
    await muster.app.runner.drain();
    for (const system of systems) expect(await historyOf(system)).toHaveLength(1);
    const dead = await muster.app.queue.list("collect:inventory", "dead", 10);
    expect(dead.map((job) => job.reason)).toEqual(["the payload has no header line"]);
    await muster.app.queue.discard("collect:inventory");
  }, 240_000);

  test("partial documents are marked partial and alarm nobody", async () => {
    const lines = (await Bun.file(join(FIXTURES, "ns8-faults.ndjson")).text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const system = await muster.addSystem();
    await post(system, lines[0].inventory);
    for (const { inventory } of lines.slice(1)) {
      await post(system, inventory);
      await post(system, lines[0].inventory);
    }
    const critical = await changesOf(system, "?severity=critical&limit=1000");
    expect(critical.map((change) => change["field_path"])).toEqual([]);
    const records = await historyOf(system);
    expect(records.some((record) => (record["partial_reasons"] as string[]).length > 0)).toBe(true);
    expect(isTrue(await readHistory(dataText, system.system_key))).toBe(true);
  }, 240_000);
});
