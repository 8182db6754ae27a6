// Checks that the cost of findings on changes grows with what was sent, and never with its square.
import { describe, expect, test } from "bun:test";
import { raiseChanges, resolveReturned } from "../../../src/domains/findings/changes.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import { countRows } from "../../support/cost.ts";

const NIL = "00000000-0000-0000-0000-000000000000";
const later = (minutes: number) => new Date(Date.UTC(2026, 0, 1, 0, minutes));

/** One record's changes, `places` of them; `path` is SQL on the number `n`. */
async function addChanges(
  { database }: TestApp,
  systemId: string,
  { places, path, type, minutes }: { places: number; path: string; type: string; minutes: number },
): Promise<{ recordId: string; ids: string[] }> {
  const recordId = Bun.randomUUIDv7();
  const rows = await database.query<{ id: string }>(
    `insert into inventory_diffs (id, system_id, record_id, previous_record_id, position, pointer, field_path, change_type, category,
       severity, significant, previous_value, current_value, detected_at)
     select gen_random_uuid(), $1, $2, $3, n, '/' || n, ${path}, $4, 'modules', 'high', true, to_json($5::text), to_json($6::text), $7
     from generate_series(1, $8::integer) as n returning id`,
    [systemId, recordId, NIL, type, `${minutes}`, `${minutes + 1}`, later(minutes), places],
  );
  return { recordId, ids: rows.map((row) => row.id) };
}

async function addAlerts({ database }: TestApp, systemId: string, diffIds: string[], minutes: number): Promise<void> {
  const alerts = diffIds.map((diffId) => ({
    systemId,
    diffId,
    message: "changed",
    severity: "high",
  }));
  await raiseChanges(database, alerts, later(minutes));
}

const openCount = async ({ database }: TestApp) => {
  const [row] = await database.query<{ count: number }>(
    `select count(*)::integer as count from inventory_alerts where not is_resolved`,
  );
  return row?.count;
};

/** Rows that the notifying of a record costs, on a system whose same places have an open alert each. */
async function notifyCost(places: number, { type = "update", path = "'facts.modules.' || n || '.version'" } = {}) {
  await using muster = await openTestApp();
  // What the planner knows of tables that grew a moment ago.
  for (const table of ["inventory_diffs", "inventory_alerts"])
    await muster.database.query(`alter table ${table} set (autovacuum_enabled = off)`);
  const { system_id: systemId } = await muster.addSystem();
  const first = await addChanges(muster, systemId, { places, path, type: "update", minutes: 1 });
  await addAlerts(muster, systemId, first.ids, 1);
  const parent = type === "delete" ? "'facts.modules.' || n" : path;
  const second = await addChanges(muster, systemId, { places, path: parent, type, minutes: 2 });
  const alerts = second.ids.map((diffId) => ({
    systemId,
    diffId,
    message: "",
    severity: "high",
  }));
  return await countRows(muster.database, async (counted) => {
    await resolveReturned(counted, [second.recordId], later(3));
    await raiseChanges(counted, alerts, later(3));
  });
}

describe("a system with as many open alerts as its next inventory has changes", () => {
  for (const type of ["update", "delete"]) {
    test(`costs twice the rows for twice the places (${type})`, async () => {
      const [one, two, four] = [
        await notifyCost(500, { type }),
        await notifyCost(1000, { type }),
        await notifyCost(2000, { type }),
      ];
      expect(two / one).toBeLessThan(2.5);
      expect(four / two).toBeLessThan(2.5);
    }, 60_000);
  }

  test("costs the same where the places' paths are longer than an index takes", async () => {
    const path = "'facts.' || repeat('x', 600) || '.' || n";
    expect((await notifyCost(1000, { path })) / (await notifyCost(500, { path }))).toBeLessThan(2.5);
  }, 60_000);
});

describe("an alert whose place went with what held it", () => {
  test("is resolved, however long its path is, and its neighbour with a longer name is not", async () => {
    await using muster = await openTestApp();
    const { system_id: systemId } = await muster.addSystem();
    const short = await addChanges(muster, systemId, {
      places: 1,
      path: "'facts.nodes.1.version'",
      type: "update",
      minutes: 1,
    });
    const long = await addChanges(muster, systemId, {
      places: 1,
      path: "'facts.nodes.1.' || repeat('y', 700)",
      type: "update",
      minutes: 1,
    });
    const other = await addChanges(muster, systemId, {
      places: 1,
      path: "'facts.nodes.11.version'",
      type: "update",
      minutes: 1,
    });
    await addAlerts(muster, systemId, [...short.ids, ...long.ids, ...other.ids], 1);
    const gone = await addChanges(muster, systemId, { places: 1, path: "'facts.nodes.1'", type: "delete", minutes: 2 });
    await resolveReturned(muster.database, [gone.recordId], later(2));
    expect(await openCount(muster)).toBe(1);
  }, 60_000);
});
