// Erasing a system leaves nothing of it, in whatever table a version of Muster may keep something.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";

/** Rows that name the system, by table: every table with a `system_id`, and `systems` itself. */
async function traces(app: TestApp, systemId: string): Promise<Record<string, number>> {
  const tables = await app.database.query<{ name: string }>(
    `select format('%I.%I', c.table_schema, c.table_name) as name
     from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
     where c.column_name = 'system_id' and t.table_type = 'BASE TABLE'
       and c.table_schema not in ('pg_catalog', 'information_schema') order by 1`,
  );
  const found: Record<string, number> = {};
  for (const [name, column] of [["systems", "id"], ...tables.map((table) => [table.name, "system_id"])]) {
    const [row] = await app.database.query<{ count: number }>(
      `select count(*)::integer as count from ${name} where ${column}::text = $1`,
      [systemId],
    );
    found[name ?? ""] = row?.count ?? 0;
  }
  return found;
}

test("erases secrets, beats, flips, inventories, changes and alerts, and leaves the neighbour's", async () => {
  await using app = await openTestApp();
  const [erased, kept] = [await app.addSystem("Erased"), await app.addSystem("Kept")];
  for (const { authorization } of [erased, kept]) {
    await app.request("POST", "/api/systems/heartbeat", { authorization });
    for (const version of ["8.0", "9.0"]) {
      const body = JSON.stringify({ os: { name: "Linux", version }, facts: { nodes: { "1": { fqdn: version } } } });
      expect((await app.request("POST", "/api/systems/inventory", { authorization, body })).status).toBe(200);
      await app.clock.advance(1_000);
    }
  }
  await app.app.runner.drain();
  const before = await traces(app, erased.system_id);
  expect(before).toMatchObject({
    systems: 1,
    "public.system_secrets": 1,
    "public.system_heartbeats": 1,
    "public.system_status_changes": 1,
    "public.inventory_records": 2,
  });
  expect(before["public.inventory_diffs"]).toBeGreaterThan(0);
  const { status, body } = await app.admin("DELETE", `/api/admin/systems/${erased.system_key}`);
  expect([status, body.data["system_id"]]).toEqual([200, erased.system_id]);
  const after = await traces(app, erased.system_id);
  expect(Object.values(after).every((count) => count === 0)).toBe(true);
  expect(await traces(app, kept.system_id)).toEqual(before);
}, 60_000);

test("forgets the work that waits for it, and leaves the neighbour's", async () => {
  await using app = await openTestApp();
  const [erased, kept] = [await app.addSystem("Erased"), await app.addSystem("Kept")];
  for (const { authorization } of [erased, kept])
    await app.request("POST", "/api/systems/inventory", { authorization, body: '{"facts":{}}' });
  await app.app.api.systems.erase(OWNER, erased.system_id);
  const waiting = await app.app.queue.list("collect:inventory", "pending", 10);
  expect(waiting.map((job) => job.lane)).toEqual([kept.system_id]);
}, 60_000);

test("work that was under way while it was erased ends without a trace and without being retried", async () => {
  await using app = await openTestApp();
  const { authorization, system_id } = await app.addSystem();
  await app.request("POST", "/api/systems/heartbeat", { authorization });
  await app.request("POST", "/api/systems/inventory", { authorization, body: '{"facts":{}}' });
  await app.database.query("delete from systems where id = $1", [system_id]); // keeps the jobs, as if they had been claimed
  await app.app.runner.drain();
  for (const queue of ["collect:heartbeat", "collect:inventory", "collect:processing", "collect:notifications"]) {
    for (const state of ["pending", "delayed", "active", "dead"] as const)
      expect({ queue, state, jobs: await app.app.queue.list(queue, state, 10) }).toEqual({ queue, state, jobs: [] });
  }
  expect(Object.values(await traces(app, system_id)).every((count) => count === 0)).toBe(true);
}, 60_000);

test("a second time, and for a key that never was, it is 404", async () => {
  await using app = await openTestApp();
  const { system_key } = await app.addSystem();
  expect((await app.admin("DELETE", `/api/admin/systems/${system_key}`)).status).toBe(200);
  for (const key of [system_key, "NOC-NEVER"])
    expect((await app.admin("DELETE", `/api/admin/systems/${key}`)).status).toBe(404);
}, 60_000);
