// Pruning on the real store: what goes, what stays, and that nothing people read of a system's history changes by it.
import { afterAll, describe, expect, test } from "bun:test";
import { randomUUIDv7 } from "bun";
import { OWNER } from "../../../support/actor.ts";
import { openTestApp } from "../../../support/app.ts";
import type { TestApp, TestSystem } from "../../../support/app.ts";
import { DAY_MS, HOUR_MS, document, openHistories, stage, total } from "../../../support/histories.ts";
import { isTrue, readHistory } from "../../../support/history.ts";

const muster = await openTestApp();
await muster.clock.advance(400 * DAY_MS);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);
const { dataText, base, historyOf, now, received, take, addHistory } = openHistories(muster);

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
