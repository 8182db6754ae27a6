// Learns every hour what each organization's systems change day after day, a few organizations a job.
import type { JobHandler, Schedule } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import * as store from "./store.ts";
import type { Thresholds } from "./store.ts";

const LEARN_QUEUE = "muster:inventory-noise";
export const LEARN_SCHEDULE: Schedule = { name: "inventory-noise", cron: "41 * * * *", queue: LEARN_QUEUE };

/** Four days at the least, in three systems: neither one afternoon nor one appliance that flaps makes noise of a place. */
const THRESHOLDS: Thresholds = { steadyDays: 4, lastingDays: 2, systems: 3 };
/** Systems that one statement counts, at about thirty places each. */
const SYSTEMS_PER_STEP = 5_000;
const ORGANIZATIONS_PER_STEP = 200;
/** Tells the organization to go on after from a tick's payload, which is a time. */
const AFTER = "after ";

interface LearnDeps {
  database: Database;
  clock: Clock;
}

/** Learns for all organizations at once. */
export async function learnAll(deps: LearnDeps): Promise<void> {
  for (let after: string | undefined = ""; after !== undefined;) after = await learnStep(deps, after);
}

/** Idempotent: the same days give the same, whoever counts them again. An interrupted round is taken up by the next hour's. */
export function learnJob(deps: LearnDeps): JobHandler {
  return {
    queue: LEARN_QUEUE,
    batch: 1,
    batchBytes: 1024,
    concurrency: 1,
    leaseMs: 60_000,
    async handle(jobs) {
      const payload = jobs[0]?.payload ?? "";
      const next = await learnStep(deps, payload.startsWith(AFTER) ? payload.slice(AFTER.length) : "");
      if (next !== undefined) return [[{ queue: LEARN_QUEUE, payload: `${AFTER}${next}` }]];
    },
  };
}

/** Returns the organization to go on after; undefined at the end. */
async function learnStep({ database, clock }: LearnDeps, after: string): Promise<string | undefined> {
  const listed = await store.listOrganizations(database, after, ORGANIZATIONS_PER_STEP);
  let systems = 0;
  const taken = listed.filter((one, at) => (systems += one.systems) <= SYSTEMS_PER_STEP || at === 0);
  const last = taken.at(-1);
  if (!last) {
    await store.deleteOldNoise(database, clock.now());
    return undefined;
  }
  await store.learn(
    database,
    taken.map((one) => one.id),
    THRESHOLDS,
    clock.now(),
  );
  return last.id;
}
