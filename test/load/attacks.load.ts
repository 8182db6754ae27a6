// Inventories made to be as costly as they can be: their own system's work ends in bounded tries, and no other waits for it.
import { describe, expect, test } from "bun:test";
import { openTestApp } from "../support/app.ts";
import type { TestApp, TestSystem } from "../support/app.ts";
import { allNew, manyModules } from "../support/attacks/documents.ts";

const LIMIT_MS = 240_000;

const post = async (muster: TestApp, { authorization }: TestSystem, body: string, drain = true) => {
  const { status } = await muster.request("POST", "/api/systems/inventory", { authorization, body });
  expect(status).toBe(200);
  await muster.clock.advance(1_000);
  if (drain) await muster.app.runner.drain();
};

const failures = ({ app }: TestApp) =>
  Object.values(app.runner.stats()).reduce((sum, { failed, buried }) => sum + failed + buried, 0);

const version = (value: string) => JSON.stringify({ os: { name: "Rocky", version: value } });

describe("an attacker's inventories", () => {
  test(
    "of 4,000 modules, each in another version each time, are compared and told at the first try",
    async () => {
      await using muster = await openTestApp();
      const system = await muster.addSystem();
      for (let round = 0; round < 3; round += 1) await post(muster, system, manyModules(4_000, round));
      expect(failures(muster)).toBe(0);
      expect(await muster.app.queue.counts()).toEqual({});
      const [row] = await muster.database.query("select count(*)::integer as changes from inventory_diffs");
      expect(row).toEqual({ changes: 8_000 });
    },
    LIMIT_MS,
  );

  test(
    "of 8.6 MB in which everything is new are stored, or given up with their reason, in bounded tries",
    async () => {
      await using muster = await openTestApp();
      const system = await muster.addSystem();
      for (let round = 0; round < 2; round += 1) await post(muster, system, allNew(8_600_000, round));
      for (let minute = 0; minute < 8; minute += 1) {
        await muster.clock.advance(60_000);
        await muster.app.runner.drain();
      }
      const left = Object.values(await muster.app.queue.counts());
      expect(left.every(({ pending, delayed, active }) => pending + delayed + active === 0)).toBe(true);
      expect(failures(muster)).toBeLessThanOrEqual(6);
    },
    LIMIT_MS,
  );

  test(
    "whose statements never end are ended on the server, count as tries, and keep no neighbour's waiting",
    async () => {
      await using muster = await openTestApp();
      const [attacker, neighbor] = [await muster.addSystem("attacker"), await muster.addSystem("neighbor")];
      for (const system of [attacker, neighbor]) await post(muster, system, version("9.1"));
      await muster.database.query(
        `create function dawdle() returns trigger language plpgsql as $$ begin
           if new.system_id = '${attacker.system_id}' then perform pg_sleep(300); end if;
           return new;
         end $$`,
      );
      await muster.database.query(
        "create trigger dawdle before insert on inventory_diffs for each row execute function dawdle()",
      );
      for (const system of [attacker, neighbor]) await post(muster, system, version("9.2"), false);
      await muster.app.runner.drain();
      const changed = await muster.database.query("select system_id from inventory_diffs");
      expect(changed).toEqual([{ system_id: neighbor.system_id }]);
      const running = await muster.database.query(
        "select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'",
      );
      expect(running).toEqual([]);
      expect(await muster.app.queue.list("collect:processing", "delayed", 10)).toMatchObject([
        { lane: attacker.system_id, attempt: 1, reason: expect.stringContaining("statement timeout") },
      ]);
    },
    LIMIT_MS,
  );
});
