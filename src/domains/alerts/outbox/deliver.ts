// Delivers the outbox to Alertmanager: in order, in bounded groups, one job a tenant, and apart for systems with refused alerts.
import type { Note } from "../../../domain.ts";
import { Failure, reasonOf } from "../../../errors.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { Job, Push } from "../../../ports/queue.ts";
import type { Alertmanager } from "../upstream/alertmanager.ts";
import { listApart, listUndelivered, markDelivered, setApart } from "./store.ts";
import type { Suspect, Undelivered } from "./store.ts";
import { sift } from "./refusals.ts";
import { DELIVERY_QUEUE, SUSPECT_QUEUE } from "../schema.ts";

interface DeliveryDeps {
  database: Queryable;
  alertmanager: Alertmanager;
  warn: Note;
}

/** The most that one request holds. */
const GROUP = { count: 500, bytes: 4 * 1024 ** 2 };
/** Requests of one job; the next job continues. */
const POSTS_PER_JOB = 20;
const MAX_BACKOFF_MS = 30_000;
/** Requests that find the systems at fault in a refused group; systems that are not tried by then are set apart, too. */
const CALLS_PER_GROUP = 20;
/** Requests that find the alerts at fault of one system in one run, enough for a post of 10,000 alerts. */
const CALLS_PER_SUSPECT = 128;

const backoff = (failures: number) =>
  failures > 0 ? { delayMs: Math.min(1000 * 2 ** Math.min(failures - 1, 10), MAX_BACKOFF_MS) } : {};

/** While this tenant's job exists, pushing it again adds nothing: only one job a tenant delivers at a time. */
export const deliveryPush = (tenant: string, failures = 0): Push => ({
  queue: DELIVERY_QUEUE,
  key: tenant,
  payload: JSON.stringify({ tenant, failures }),
  ...backoff(failures),
});

/** The same for a suspect, in a queue of its own, so that no tenant waits behind it. */
export const suspectPush = ({ tenant, subject }: Suspect, failures = 0): Push => ({
  queue: SUSPECT_QUEUE,
  key: `${tenant} ${subject}`,
  payload: JSON.stringify({ tenant, subject, failures }),
  ...backoff(failures),
});

/**
 * Safe to repeat: Alertmanager takes the same state twice as once. While it is away each job ends with a delayed next one, so that
 * none becomes a dead letter. Only a job that found nothing ends without a next one: a push while a job exists adds nothing.
 */
export async function deliver(deps: DeliveryDeps, job: Job): Promise<Push[]> {
  const { tenant, failures } = JSON.parse(job.payload) as { tenant: string; failures: number };
  const suspects: Push[] = [];
  const again = await untilAway(deps, { tenant, failures }, async (done) => {
    for (let posts = 0; posts < POSTS_PER_JOB; posts += 1) {
      const group = await listUndelivered(deps.database, tenant, GROUP);
      if (group.length === 0) break;
      const refused = await postGroup(deps, tenant, group);
      await setApart(deps.database, tenant, refused);
      suspects.push(...refused.map((subject) => suspectPush({ tenant, subject })));
      done();
    }
  });
  return [...suspects, ...(again === undefined ? [] : [deliveryPush(tenant, again)])];
}

/** Delivers a suspect's alerts; those at fault become dead letters with Alertmanager's reason. */
export async function deliverApart(deps: DeliveryDeps, job: Job): Promise<Push[]> {
  const { failures, ...suspect } = JSON.parse(job.payload) as Suspect & { failures: number };
  const found = { refused: 0, untried: 0, reason: "" };
  let calls = CALLS_PER_SUSPECT;
  const again = await untilAway(deps, { ...suspect, failures }, async (done) => {
    for (let posts = 0; posts < POSTS_PER_JOB; posts += 1) {
      const group = await listApart(deps.database, suspect, GROUP);
      if (group.length === 0) break;
      calls -= await sift(group, {
        // Half is left for the next groups; a group without faults costs one.
        tries: Math.max(1, Math.ceil(calls / 2)),
        post: (states) => post(deps, suspect.tenant, states),
        taken: (states) => markDelivered(deps.database, states),
        async refused(states, reason, isTold) {
          await markDelivered(deps.database, states, isTold ? reason : `refused together with others: ${reason}`);
          found[isTold ? "refused" : "untried"] += states.length;
          found.reason ||= reason;
        },
      });
      done();
    }
  });
  if (found.reason !== "") deps.warn("Alertmanager refused alerts.", { ...suspect, ...found });
  return again === undefined ? [] : [suspectPush(suspect, again)];
}

/** How many times in a row Alertmanager was away, for the next job; undefined when nothing is left to do. */
async function untilAway(
  { warn }: DeliveryDeps,
  { failures, ...whose }: { tenant: string; subject?: string; failures: number },
  run: (done: () => void) => Promise<void>,
): Promise<number | undefined> {
  let isDone = false;
  try {
    await run(() => (isDone = true));
    return isDone ? 0 : undefined;
  } catch (error) {
    if (!(error instanceof Failure) || !error.code.startsWith("upstream.")) throw error;
    // Logged at the first failure and at every 20th: a night without Alertmanager is not a line every 30 s.
    if (failures === 0 || failures % 20 === 0)
      warn("Alerts wait for Alertmanager.", { ...whose, attempts: failures + 1, reason: reasonOf(error) });
    return isDone ? 1 : failures + 1;
  }
}

/** Returns the systems whose alerts were refused. Systems with few alerts are tried first, before those with thousands. */
async function postGroup(deps: DeliveryDeps, tenant: string, group: Undelivered[]): Promise<string[]> {
  const suspects: string[] = [];
  const systems = [...Map.groupBy(group, (one) => one.subject).values()].sort((a, b) => a.length - b.length);
  await sift(systems, {
    tries: CALLS_PER_GROUP,
    // A whole group goes in the order of arrival.
    post: (asked) => post(deps, tenant, asked.length === systems.length ? group : asked.flat()),
    taken: (asked) => markDelivered(deps.database, asked.flat()),
    async refused(asked) {
      suspects.push(...asked.flatMap(([first]) => (first ? [first.subject] : [])));
    },
  });
  return suspects;
}

/** Undefined when Alertmanager took them, else its reason. */
async function post(deps: DeliveryDeps, tenant: string, group: readonly Undelivered[]): Promise<string | undefined> {
  const body = `[${group.map((one) => one.alert).join(",")}]`;
  const { status, value } = await deps.alertmanager.call(tenant, { method: "POST", path: "alerts", body });
  if (status === 200 && value === undefined) return undefined;
  if (status === 200 || status === 404)
    throw new Failure("upstream.strange", 502, "the answer to alerts is not Alertmanager's");
  return (typeof value === "string" ? value : JSON.stringify(value ?? status)).slice(0, 500);
}
