// Decides at each tick, and when systems are heard again, which alerts of silent systems and sites fire and which are resolved.
import type { Job, Push } from "../../ports/queue.ts";
import { NIL_UUID } from "../../values/uuid.ts";
import { linkFailed, siteUnreachable } from "./alerts.ts";
import { LINK_QUEUE } from "./schema.ts";
import { PAGE, raiseSingles, resolveRecovered } from "./singles.ts";
import type { Run, WatchDeps } from "./singles.ts";
import { evaluateSites } from "./sites.ts";
import { insertSilent, listSingles, listSites } from "./store.ts";

const LANE = "link-failures";

/** Ticks never pile up behind each other. */
export const tickPush = (): Push => ({ queue: LINK_QUEUE, lane: LANE, key: "tick", payload: "{}" });
export const recoveryPush = (recovered: readonly string[]): Push => ({
  queue: LINK_QUEUE,
  lane: LANE,
  payload: JSON.stringify({ recovered }),
});

/** True for a minute that is a multiple of the interval; `minute` is the schedule's payload, a date and time. */
export function isTick(minute: string, intervalMs: number): boolean {
  const minutes = Math.floor(Date.parse(minute) / 60_000);
  return minutes % Math.max(1, Math.round(intervalMs / 60_000)) === 0;
}

/** Safe to repeat: every step reads the present state and puts it into the outbox again. */
export async function watchLinks(deps: WatchDeps, job: Job): Promise<Push[]> {
  const { recovered } = JSON.parse(job.payload) as { recovered?: string[] };
  const run: Run = { ...deps, tenants: new Set() };
  if (recovered === undefined) await tick(run);
  else await recover(run, recovered);
  return deps.alerts.deliveries(run.tenants);
}

async function tick(run: Run): Promise<void> {
  await resolveRecovered(run, null);
  await insertSilent(run.database, run.clock.now(), run.timeoutMs);
  await evaluateSites(run, null);
  await raiseSingles(run);
  await resend(run);
}

async function recover(run: Run, recovered: readonly string[]): Promise<void> {
  const organizations = await resolveRecovered(run, recovered);
  if (organizations.length === 0) return;
  await evaluateSites(run, organizations);
  await raiseSingles(run);
}

/** Sends every firing alert again, with an end two intervals ahead: one that is not re-sent ends by itself. */
async function resend({ database, clock, alerts, intervalMs, timeoutMs, tenants }: Run): Promise<void> {
  const endsAt = new Date(clock.now().getTime() + 2 * intervalMs);
  const sites = await listSites(database);
  await alerts.put(
    database,
    sites.map((site) => siteUnreachable(site, site.covered, endsAt)),
  );
  for (const { tenant } of sites) tenants.add(tenant);
  for (let after = NIL_UUID; ;) {
    const rows = await listSingles(database, after, PAGE);
    const last = rows.at(-1);
    if (!last) return;
    await alerts.put(
      database,
      rows.map((row) => linkFailed(row, timeoutMs, endsAt)),
    );
    for (const { tenant } of rows) tenants.add(tenant);
    after = last.system_id;
  }
}
