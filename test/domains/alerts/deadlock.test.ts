// Tests that statements on the same alerts, many at a time and in any order of rows, never deadlock.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { insertPast, prunePast } from "../../../src/domains/alerts/history/store.ts";
import type { PastRow } from "../../../src/domains/alerts/history/store.ts";
import {
  upsertStates,
  listUndelivered,
  markDelivered,
  pruneOutbox,
  setApart,
} from "../../../src/domains/alerts/outbox/store.ts";
import { openTestApp } from "../../support/app.ts";
import { seeded } from "../../support/random.ts";
import type { Random } from "../../support/random.ts";

const ALERTS = 60;
const FAST_DEADLOCKS = `do $$ begin execute format('alter database %I set deadlock_timeout = ''20ms''', current_database()); end $$`;

const pastOf = (systemKey: string | null, fingerprint: string, seconds: number): PastRow => ({
  id: crypto.randomUUID(),
  systemKey,
  organizationId: null,
  alertname: "A",
  severity: null,
  status: "resolved",
  fingerprint,
  startsAt: "2026-01-01T00:00:00Z",
  endsAt: new Date(seconds * 1_000).toISOString(),
  summary: null,
  labels: {},
  annotations: {},
  receiver: null,
});

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items];
  return Array.from({ length: rest.length }, () => rest.splice(random.int(rest.length), 1)).flat();
}

test("keeping, delivering, setting apart, pruning and the history deadlock never, in 2,000 batches that overlap", async () => {
  await using app = await openTestApp();
  const { database } = app;
  await database.query(FAST_DEADLOCKS);
  const systems = await Promise.all(Array.from({ length: 6 }, (_, index) => app.addSystem(`s${index}`)));
  const random = seeded(40);
  let position = 0;
  const alert = { labels: { a: "b" }, annotations: {}, startsAt: "2026-01-01T00:00:00Z" };
  const states = () =>
    shuffled(
      Array.from({ length: ALERTS }, (_, index) => index),
      random,
    )
      .slice(0, 40)
      .map((index) => {
        const system = systems[index % systems.length];
        if (!system) throw new Error("no system");
        const fingerprint = index < systems.length ? "LinkFailed" : `f${index}`;
        return {
          subject: system.system_id,
          fingerprint,
          systemId: system.system_id,
          tenant: "t",
          position: (position += 1),
          alert,
        };
      });
  const past = () =>
    states().map(({ fingerprint, systemId }) =>
      pastOf(systems.find((one) => one.system_id === systemId)?.system_key ?? null, fingerprint, position),
    );
  const now = () => new Date(position * 1_000);
  const future = new Date("2030-01-01T00:00:00Z");
  const steps: (() => Promise<unknown>)[] = [
    () => upsertStates(database, states(), now()),
    () => upsertStates(database, states(), now()),
    async () => {
      const waiting = await listUndelivered(database, "t", { count: 500, bytes: 1e6 });
      await markDelivered(database, shuffled(waiting, random), random.int(3) === 0 ? "bad" : null);
    },
    () =>
      setApart(
        database,
        "t",
        shuffled(systems, random)
          .slice(0, 3)
          .map((one) => one.system_id),
      ),
    () => pruneOutbox(database, future, 30),
    () => insertPast(database, past(), now()),
    () => insertPast(database, past(), now()),
    () => prunePast(database, future, 20),
  ];
  const faults = new Map<string, number>();
  const work = async () => {
    for (let round = 0; round < 250; round += 1)
      await random
        .pick(steps)()
        .catch((error: unknown) => {
          const reason = (error as Error).message;
          faults.set(reason, (faults.get(reason) ?? 0) + 1);
        });
  };
  await Promise.all(Array.from({ length: 8 }, work));
  expect(Object.fromEntries(faults)).toEqual({});
  await database.query("select pg_stat_force_next_flush()");
  const [counted] = await database.query<{ deadlocks: number; commits: number }>(
    `select deadlocks::integer, xact_commit::integer as commits from pg_stat_database where datname = current_database()`,
  );
  expect(counted?.deadlocks).toBe(0);
  expect(counted?.commits).toBeGreaterThan(1_000);
}, 120_000);

test("a system that is erased while it posts costs neither its alerts' job nor the operator an error", async () => {
  await using app = await openTestApp();
  await app.database.query(FAST_DEADLOCKS);
  let position = 0;
  const past = (systemKey: string, count: number) =>
    Array.from({ length: count }, (_, index) => pastOf(systemKey, `f${index}`, (position += 1)));
  for (let round = 0; round < 30; round += 1) {
    const { system_id: subject, system_key } = await app.app.api.systems.add(OWNER, { name: "x" });
    const states = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => ({
        subject,
        systemId: subject,
        fingerprint: `f${from + index}`,
        tenant: "t",
        position: (position += 1),
        alert: { labels: { a: "b" }, annotations: {}, startsAt: "2026-01-01T00:00:00Z" },
      }));
    await upsertStates(app.database, states(0, 200), new Date());
    await insertPast(app.database, past(system_key, 100), new Date());
    await Promise.all([
      upsertStates(app.database, states(100, 300), new Date()),
      upsertStates(app.database, states(50, 300), new Date()),
      insertPast(app.database, past(system_key, 200), new Date()),
      insertPast(app.database, past(system_key, 300), new Date()),
      Bun.sleep(round % 12).then(() => app.app.api.systems.erase(OWNER, system_key)),
    ]);
  }
  expect(await app.database.query("select from alert_outbox union all select from alert_history")).toEqual([]);
}, 120_000);
