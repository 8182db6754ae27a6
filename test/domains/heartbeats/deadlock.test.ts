// Tests that heartbeats, status changes and inventories lock systems in one order and never deadlock.
import { expect, test } from "bun:test";
import { upsertBeats } from "../../../src/domains/heartbeats/store.ts";
import { activate, markActive, markInactive } from "../../../src/domains/systems/status-store.ts";
import { lockSystems } from "../../../src/domains/inventory/chain/store.ts";
import { openTestApp } from "../../support/app.ts";
import { seeded } from "../../support/random.ts";

test("1,000 batches of beats, sweeps both ways and locks of inventories deadlock never", async () => {
  await using app = await openTestApp();
  const { database } = app;
  await database.query(
    `do $$ begin execute format('alter database %I set deadlock_timeout = ''20ms''', current_database()); end $$`,
  );
  // Rows in another order than their ids, as they come to lie once they were changed often.
  await database.query(
    `insert into systems (id, system_key, name, organization_id, created_at, registered_at, status)
     select gen_random_uuid(), 'NOC-' || i, 'n', 'o', now(), '2020-01-01', 'active' from generate_series(1, 60) i`,
  );
  const ids = (await database.query<{ id: string }>("select id from systems order by id")).map((row) => row.id);
  const random = seeded(7);
  const atMs = Date.parse("2026-01-01T00:00:00Z");
  let ms = atMs;
  const some = () => ids.filter(() => random.int(2) === 0);
  const beats = () =>
    JSON.stringify(
      some()
        .reverse()
        .map((id) => [id, (ms += 1)]),
    );
  await upsertBeats(database, JSON.stringify(ids.map((id) => [id, ms])), new Date(atMs));
  const steps: (() => Promise<unknown>)[] = [
    async () => activate(database, await upsertBeats(database, beats(), new Date(atMs))),
    () => markInactive(database, new Date(ms + 120_000), 60_000),
    () => markActive(database, new Date(ms), 600_000),
    () => database.transaction(async (tx) => void (await lockSystems(tx, some()))),
  ];
  const faults = new Map<string, number>();
  const work = async () => {
    for (let round = 0; round < 125; round += 1)
      await random
        .pick(steps)()
        .catch((error: unknown) => {
          const reason = (error as Error).message;
          faults.set(reason, (faults.get(reason) ?? 0) + 1);
        });
  };
  await Promise.all(Array.from({ length: 8 }, work));
  expect(Object.fromEntries(faults)).toEqual({});
}, 120_000);
