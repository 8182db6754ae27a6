// From the outbox to Alertmanager: in order, in bounded groups, one tenant at a time, until it has them.
import { Failure, reasonOf } from "../../errors.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Job, Push } from "../../ports/queue.ts";
import type { Alertmanager } from "./alertmanager.ts";
import { listUndelivered, markDelivered } from "./outbox.ts";
import type { Undelivered } from "./outbox.ts";
import { DELIVERY_QUEUE } from "./schema.ts";
import type { Warn } from "./index.ts";

export interface DeliveryDeps {
  database: Queryable;
  alertmanager: Alertmanager;
  warn: Warn;
}

/** What one request holds. */
const GROUP = { count: 500, bytes: 4 * 1024 ** 2 };
/** Posts of one job, which the next one continues. */
const POSTS_PER_JOB = 20;
const MAX_BACKOFF_MS = 30_000;

/** While this tenant's job exists, pushing it again adds nothing: nobody else may deliver at the same time. */
export const deliveryPush = (tenant: string, failures = 0): Push => ({
  queue: DELIVERY_QUEUE,
  key: tenant,
  payload: JSON.stringify({ tenant, failures }),
  ...(failures > 0 && { delayMs: Math.min(1000 * 2 ** Math.min(failures - 1, 10), MAX_BACKOFF_MS) }),
});

/**
 * Safe to repeat: Alertmanager takes the same state twice as once. When it is away the job ends with one that waits, so that it
 * is never given up. Only a run that found nothing ends without a next one: what comes while a job is here is pushed quietly.
 */
export async function deliver(deps: DeliveryDeps, job: Job): Promise<Push[]> {
  const { tenant, failures } = JSON.parse(job.payload) as { tenant: string; failures: number };
  let delivered = 0;
  try {
    for (let posts = 0; posts < POSTS_PER_JOB; posts += 1) {
      const group = await listUndelivered(deps.database, tenant, GROUP);
      if (group.length === 0) break;
      await post(deps, tenant, group);
      delivered += group.length;
    }
    return delivered > 0 ? [deliveryPush(tenant)] : [];
  } catch (error) {
    if (!(error instanceof Failure) || !error.code.startsWith("upstream.")) throw error;
    // Said when it begins and then every so often: a tenant that is away for a night is not a line every 30 s.
    if (failures === 0 || failures % 20 === 0)
      deps.warn("Alerts wait for Alertmanager.", { tenant, attempts: failures + 1, reason: reasonOf(error) });
    return [deliveryPush(tenant, delivered > 0 ? 1 : failures + 1)];
  }
}

/** One that Alertmanager refuses must not hold back the others: a refused group is halved until the one is found. */
async function post(deps: DeliveryDeps, tenant: string, group: Undelivered[]): Promise<void> {
  const body = `[${group.map((one) => one.alert).join(",")}]`;
  const { status, value } = await deps.alertmanager.call(tenant, { method: "POST", path: "alerts", body });
  if (status === 200 && value === undefined) return markDelivered(deps.database, group);
  if (status === 200 || status === 404)
    throw new Failure("upstream.strange", 502, "Alertmanager's answer to alerts is none of its own");
  if (group.length > 1) {
    const half = Math.ceil(group.length / 2);
    await post(deps, tenant, group.slice(0, half));
    return post(deps, tenant, group.slice(half));
  }
  const reason = (typeof value === "string" ? value : JSON.stringify(value ?? status)).slice(0, 500);
  deps.warn("Alertmanager refused an alert.", { tenant, subject: group[0]?.subject, reason });
  return markDelivered(deps.database, group, reason);
}
