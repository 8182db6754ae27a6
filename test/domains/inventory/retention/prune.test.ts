// Pruning on the real store: what goes, what stays, and that nothing people read of a system's history changes by it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUIDv7 } from "bun";
import { OWNER } from "../../../support/actor.ts";
import { readDocument } from "../../../../src/domains/inventory/intake/document.ts";
import type { PruneReport } from "../../../../src/domains/inventory/retention/prune.ts";
import { encodeIncoming } from "../../../../src/domains/inventory/intake/payload.ts";
import { openTestApp } from "../../../support/app.ts";
import type { TestApp, TestSystem } from "../../../support/app.ts";
import { isTrue, readHistory } from "../../../support/history.ts";
import { seeded } from "../../../support/random.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAYS = 400;

let muster: TestApp;
beforeAll(async () => {
  muster = await openTestApp();
  await muster.clock.advance(DAYS * DAY_MS);
}, 240_000);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);

const dataText = async (path: string) => {
  const { text } = await muster.admin("GET", path);
  return text.slice(text.indexOf('"data":') + 7, -1);
};
const base = (system: TestSystem) => `/api/admin/systems/${system.system_key}/inventory`;
const historyOf = async (system: TestSystem) => (await readHistory(dataText, system.system_key)).recordIds;
const now = () => muster.clock.now().getTime();

/** As the record queue gets it when it was received then. */
const received = (system: TestSystem, document: unknown, timeMs: number) => {
  const { text, hash, size, repaired } = readDocument(new TextEncoder().encode(JSON.stringify(document)));
  const receivedAt = new Date(timeMs);
  const id = randomUUIDv7("hex", timeMs);
  const one = { id, systemId: system.system_id, receivedAt, hash, size, repaired, facts: {}, partialReasons: [], text };
  return { id, payload: encodeIncoming(one) };
};

interface Taken {
  system: TestSystem;
  pushes: { payload: string }[];
}

const takeAll = async (all: Taken[]) => {
  const jobs = all.flatMap(({ system, pushes }) =>
    pushes.map(({ payload }) => ({ queue: "collect:inventory", lane: system.system_id, payload })),
  );
  await muster.app.queue.push(jobs);
  await muster.app.runner.drain();
};
const take = (system: TestSystem, pushes: { payload: string }[]) => takeAll([{ system, pushes }]);

interface Step {
  days: number;
  document: unknown;
}

/** A system whose documents came so many days ago. Returns their ids, oldest first. */
const addHistory = async (steps: Step[]) => {
  const system = await muster.addSystem();
  const pushes = steps.map(({ days, document }) => received(system, document, now() - days * DAY_MS));
  await take(system, pushes);
  return { system, ids: pushes.map((one) => one.id) };
};

const stage = (report: PruneReport, name: string) => report.stages.find((one) => one.stage === name);
const total = (report: PruneReport, column: "deleted" | "kept" | "bytes_freed") =>
  report.stages.reduce((sum, one) => sum + one[column], 0);

/** Different each time, in a list that is also reordered. */
const document = (step: number) => ({
  installation: "nethserver",
  facts: {
    distro: { version: `8.${step}` },
    big: 12345678901234567890n.toString(),
    modules: Array.from({ length: 4 }, (_one, at) => ({
      id: `m${(at + step) % 5}`,
      module: "x",
      version: `${step >> 2}`,
    })),
  },
});

test("a history of 400 days is thinned, and its timeline, changes and chain stay what they were", async () => {
  const steps: Step[] = [];
  for (let step = 0; step < DAYS; step += 1) {
    steps.push({ days: DAYS - step, document: document(step) });
    if (step > DAYS - 50) steps.push({ days: DAYS - step - 0.5, document: document(step + 1000) });
  }
  const { system } = await addHistory(steps);
  const readAll = async () => ({
    changes: (await readHistory(dataText, system.system_key)).changes,
    timeline: await dataText(`${base(system)}/timeline?limit=366`),
    latest: await dataText(`${base(system)}/latest`),
  });
  const before = await readAll();
  expect(await historyOf(system)).toHaveLength(steps.length);

  const planned = await muster.app.api.inventory.prune(OWNER, { dryRun: true });
  expect(await historyOf(system)).toHaveLength(steps.length);
  const pruned = await muster.app.api.inventory.prune(OWNER, { dryRun: false });
  expect(pruned).toEqual({ ...planned, dry_run: false });
  expect(total(pruned, "deleted")).toBeGreaterThan(350);
  expect(stage(pruned, "all")).toMatchObject({ deleted: 0, bytes_freed: 0, kept: 14 });
  expect(total(pruned, "bytes_freed")).toBeGreaterThan(total(pruned, "deleted") * 100);
  const left = await historyOf(system);
  expect(left).toHaveLength(total(pruned, "kept"));

  expect(await readAll()).toEqual(before);
  expect(isTrue(await readHistory(dataText, system.system_key))).toBe(true);
  const again = await muster.app.api.inventory.prune(OWNER, { dryRun: false });
  expect(total(again, "deleted")).toBe(0);
  expect(await historyOf(system)).toEqual(left);
  await muster.app.api.systems.erase(OWNER, system.system_key);
}, 180_000);

describe("what must stay", () => {
  /** Five of one day, long ago: only the first of them would stay. */
  const oneDay = (days: number) =>
    [0, 1, 2, 3, 4].map((hour) => ({ days: days - hour / 24, document: document(hour) }));

  test("the first and the latest, however old", async () => {
    const { system, ids } = await addHistory(oneDay(300.9));
    await muster.app.api.inventory.prune(OWNER, { dryRun: false });
    expect(await historyOf(system)).toEqual([ids[0] ?? "", ids[4] ?? ""]);
  }, 240_000);

  test("a pinned record, until it is unpinned; and history shows the pin", async () => {
    const { system, ids } = await addHistory(oneDay(300.9));
    const path = `${base(system)}/records/${ids[2]}/pin`;
    const pinned = await muster.admin("POST", path);
    expect(pinned.body.data).toEqual({ record_id: ids[2] ?? "", pinned: true, pinned_at: expect.any(String) });
    await muster.clock.advance(1000);
    expect((await muster.admin("POST", path)).body.data).toEqual(pinned.body.data);
    await muster.app.api.inventory.prune(OWNER, { dryRun: false });
    const { body } = await muster.admin<{ records: { id: string; pinned: boolean }[] }>(
      "GET",
      `${base(system)}/history`,
    );
    expect(body.data.records.map(({ id, pinned: isPinned }) => [id, isPinned])).toEqual([
      [ids[4] ?? "", false],
      [ids[2] ?? "", true],
      [ids[0] ?? "", false],
    ]);
    expect((await muster.admin("DELETE", path)).body.data["pinned"]).toBe(false);
    await muster.app.api.inventory.prune(OWNER, { dryRun: false });
    expect(await historyOf(system)).toEqual([ids[0] ?? "", ids[4] ?? ""]);
    const gone = await muster.admin("POST", path);
    expect(gone.status).toBe(404);
    expect(gone.body.message).toContain("old ones are pruned");
  }, 240_000);

  test.each(["no-uuid", "00000000-0000-0000-0000-000000000000"])(
    "a pin on %s is a 404",
    async (id) => {
      const system = await muster.addSystem();
      expect((await muster.admin("POST", `${base(system)}/records/${id}/pin`)).status).toBe(404);
    },
    240_000,
  );

  test("a record that is not compared yet, and the one it will be compared with", async () => {
    const { system, ids } = await addHistory(oneDay(300.9));
    await muster.database.query(`update inventory_records set diffed_at = null where id = $1`, [ids[3]]);
    await muster.app.api.inventory.prune(OWNER, { dryRun: false });
    expect(await historyOf(system)).toEqual([ids[0] ?? "", ids[2] ?? "", ids[3] ?? "", ids[4] ?? ""]);
  }, 240_000);

  test("records of other systems on both sides of a page", async () => {
    const histories = await Promise.all([1, 2, 3].map(() => addHistory(oneDay(300.9))));
    await muster.app.api.inventory.prune(OWNER, { dryRun: false });
    for (const { system, ids } of histories) expect(await historyOf(system)).toEqual([ids[0] ?? "", ids[4] ?? ""]);
  }, 240_000);
});

describe("a late record in a thinned part of the chain", () => {
  const thinned = async (count: number) => {
    const history = await addHistory(
      Array.from({ length: count }, (_one, hour) => ({ days: 200.9 - hour / 24, document: document(hour) })),
    );
    const timeline = await dataText(`${base(history.system)}/timeline`);
    await muster.app.api.inventory.prune(OWNER, { dryRun: false });
    expect(await historyOf(history.system)).toEqual([history.ids[0] ?? "", history.ids.at(-1) ?? ""]);
    return { ...history, timeline };
  };
  const timeOf = (id: string | undefined) => Number.parseInt((id ?? "").replaceAll("-", "").slice(0, 12), 16);

  test("between two pruned ones is compared with both, and the chain stays true", async () => {
    const { system, ids } = await thinned(6);
    const late = received(system, { facts: { late: true } }, timeOf(ids[2]) + HOUR_MS / 2);
    await take(system, [late]);
    const history = await readHistory(dataText, system.system_key);
    expect(history.recordIds).toEqual([ids[0] ?? "", ids[2] ?? "", late.id, ids[3] ?? "", ids[5] ?? ""]);
    expect(isTrue(history)).toBe(true);
    await muster.app.api.inventory.prune(OWNER, { dryRun: false });
    const after = await readHistory(dataText, system.system_key);
    expect(after.recordIds).toEqual([ids[0] ?? "", ids[5] ?? ""]);
    expect(after.changes).toEqual(history.changes);
    expect(isTrue(after)).toBe(true);
  }, 240_000);

  test("delivered twice, the second time after it was pruned, comes once", async () => {
    const { system, ids } = await thinned(4);
    const late = received(system, { facts: { late: true } }, timeOf(ids[1]) + HOUR_MS / 2);
    await take(system, [late]);
    await muster.app.api.inventory.prune(OWNER, { dryRun: false });
    const before = await readHistory(dataText, system.system_key);
    await take(system, [late]);
    expect(await readHistory(dataText, system.system_key)).toEqual(before);
    expect(await muster.app.queue.list("collect:processing", "dead", 1)).toEqual([]);
  }, 240_000);

  test("the same as its pruned neighbour is one more sighting of it", async () => {
    const { system, ids, timeline } = await thinned(4);
    await take(system, [received(system, document(1), timeOf(ids[1]) + HOUR_MS / 2)]);
    expect(await historyOf(system)).toEqual([ids[0] ?? "", ids[1] ?? "", ids[2] ?? "", ids[3] ?? ""]);
    expect(await dataText(`${base(system)}/timeline`)).toBe(timeline);
    expect(isTrue(await readHistory(dataText, system.system_key))).toBe(true);
  }, 240_000);

  test("before the first of all becomes the first, and the former first may go", async () => {
    const { system, ids } = await thinned(4);
    const late = received(system, { facts: {} }, timeOf(ids[0]) - HOUR_MS / 2);
    await take(system, [late]);
    expect(isTrue(await readHistory(dataText, system.system_key))).toBe(true);
    await muster.app.api.inventory.prune(OWNER, { dryRun: false });
    expect(await historyOf(system)).toEqual([late.id, ids[3] ?? ""]);
    expect(isTrue(await readHistory(dataText, system.system_key))).toBe(true);
  }, 240_000);

  test("is right in eight random histories, taken side by side, with pruning in between", async () => {
    const histories = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map(async (seed) => ({ random: seeded(seed), system: await muster.addSystem() })),
    );
    const start = now() - 150 * DAY_MS;
    const pushesOf = ({ random, system }: (typeof histories)[number]) => {
      const pushes: { payload: string }[] = [];
      for (let step = 0; step < 8; step += 1) {
        const facts = {
          n: random.int(4),
          list: Array.from({ length: random.int(4) }, () => ({ id: `m${random.int(5)}`, v: random.int(3) })),
        };
        pushes.push(received(system, { facts }, start + random.int(100) * 5 * HOUR_MS));
        if (random.int(6) === 0) pushes.push(random.pick(pushes));
      }
      return pushes;
    };
    for (let round = 0; round < 8; round += 1) {
      await takeAll(histories.map((one) => ({ system: one.system, pushes: pushesOf(one) })));
      await muster.app.api.inventory.prune(OWNER, { dryRun: false });
      const isTrueBySeed = histories.map(async ({ system }) => isTrue(await readHistory(dataText, system.system_key)));
      expect(await Promise.all(isTrueBySeed)).toEqual(histories.map(() => true));
    }
    expect(await muster.app.queue.list("collect:inventory", "dead", 1)).toEqual([]);
    expect(await muster.app.queue.list("collect:processing", "dead", 1)).toEqual([]);
  }, 240_000);
});

describe("every night", () => {
  const tick = async () => {
    await muster.clock.advance(1000);
    await muster.app.scheduler.tick("inventory-prune", muster.clock.now());
  };

  test("a job prunes, in steps of 200 systems, whoever else prunes meanwhile", async () => {
    const { system, ids } = await addHistory([300.9, 300.8, 300.7].map((days) => ({ days, document: document(days) })));
    const many = Array.from({ length: 450 }, () => randomUUIDv7());
    await muster.database.query(
      `insert into systems (id, name, organization_id, system_key, created_at) select id, 'x', 'x', 'key-' || id, now() from unnest($1::uuid[]) as t (id)`,
      [many],
    );
    await muster.database.query(
      `insert into inventory_records (id, system_id, received_at, last_seen_at, data, data_hash, data_size, diffed_at)
       select gen_random_uuid(), id, $2::timestamptz + day * interval '1 hour', $2::timestamptz + day * interval '1 hour', '{}', '', 2, now()
       from unnest($1::uuid[]) as t (id), generate_series(0, 3) as day`,
      [many, new Date("2026-04-07T00:00:00Z")],
    );
    await using second = await openTestApp({}, { url: muster.databaseUrl, database: muster.database });
    await second.clock.advance(now() - second.clock.now().getTime());
    await tick();
    await Promise.all([
      muster.app.runner.drain(),
      second.app.runner.drain(),
      second.app.api.inventory.prune(OWNER, { dryRun: false }),
    ]);
    expect(await historyOf(system)).toEqual([ids[0] ?? "", ids[2] ?? ""]);
    const [row] = await muster.database.query<{ records: number; pruned: number }>(
      `select (select count(*)::integer from inventory_records where system_id = any($1)) as records,
         (select sum(records)::integer from inventory_pruned_days where system_id = any($1)) as pruned`,
      [many],
    );
    expect(row).toEqual({ records: 900, pruned: 900 });
    await muster.database.query(`delete from systems where id = any($1)`, [many]);
  }, 240_000);

  test("alerts resolved for thirty days go; others stay, and those that an operator accepted", async () => {
    const system = await muster.addSystem();
    const insert = (days: number | null) =>
      muster.database.query(
        `insert into inventory_alerts (id, system_id, alert_type, cause, message, severity, is_resolved, resolved_at, created_at)
         values (gen_random_uuid(), $1, 'test', $2, $2, 'low', $3, $4, '2020-01-01')`,
        [system.system_id, String(days), days !== null, days === null ? null : new Date(now() - days * DAY_MS)],
      );
    for (const days of [null, 1, 29.9, 30.1, 400, 500]) await insert(days);
    await muster.database.query(`update inventory_alerts set resolution = 'accepted' where message = '500'`);
    expect((await muster.app.api.inventory.prune(OWNER, { dryRun: true })).alerts_deleted).toBe(2);
    await tick();
    await muster.app.runner.drain();
    const left = await muster.database.query<{ message: string }>(
      `select message from inventory_alerts where system_id = $1 order by message`,
      [system.system_id],
    );
    expect(left.map((row) => row.message)).toEqual(["1", "29.9", "500", "null"]);
  }, 240_000);

  test("it is planned at 03:17 UTC", async () => {
    await using fresh = await openTestApp({}, { url: muster.databaseUrl, database: muster.database });
    fresh.app.scheduler.start();
    await fresh.clock.advance(3 * HOUR_MS + 16 * 60_000);
    expect(fresh.clock.now().toISOString()).toEndWith("T03:16:00.000Z");
    const counts = async () => (await fresh.app.queue.counts())["muster:inventory-prune"];
    const before = await counts();
    await fresh.clock.advance(60_000);
    for (let turn = 0; turn < 100 && (await counts())?.pending === before?.pending; turn += 1) await Bun.sleep(10);
    expect((await counts())?.pending).toBe((before?.pending ?? 0) + 1);
    fresh.app.scheduler.stop();
  }, 240_000);
});

test("an erased system takes its counts along", async () => {
  const system = await muster.addSystem();
  await muster.database.query(`insert into inventory_pruned_days values ($1, '2026-01-01', 5)`, [system.system_id]);
  await muster.app.api.systems.erase(OWNER, system.system_key);
  const rows = await muster.database.query(`select from inventory_pruned_days where system_id = $1`, [
    system.system_id,
  ]);
  expect(rows).toEqual([]);
}, 240_000);
