// Delivers from the outbox to Alertmanager: in order, in bounded groups, one tenant at a time, and who is refused by himself.
import type { Note } from "../../../domain.ts";
import { Failure, reasonOf } from "../../../errors.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { Job, Push } from "../../../ports/queue.ts";
import type { Alertmanager } from "../upstream/alertmanager.ts";
import { listApart, listUndelivered, markDelivered, setApart } from "./store.ts";
import type { Suspect, Undelivered } from "./store.ts";
import { sift } from "./refusals.ts";
import { DELIVERY_QUEUE, SUSPECT_QUEUE } from "../schema.ts";

export interface DeliveryDeps {
  database: Queryable;
  alertmanager: Alertmanager;
  warn: Note;
}

/** What one request holds. */
const GROUP = { count: 500, bytes: 4 * 1024 ** 2 };
/** Posts of one job, which the next one continues. */
const POSTS_PER_JOB = 20;
const MAX_BACKOFF_MS = 30_000;
/** For finding in a refused group whose alerts are at fault; systems that are left then are delivered by themselves unasked. */
const CALLS_PER_GROUP = 20;
/** For finding the alerts at fault of one system in one run, that is in one post of 10,000. */
const CALLS_PER_SUSPECT = 128;

const backoff = (failures: number) =>
  failures > 0 ? { delayMs: Math.min(1000 * 2 ** Math.min(failures - 1, 10), MAX_BACKOFF_MS) } : {};

/** While this tenant's job exists, pushing it again adds nothing: nobody else may deliver at the same time. */
export const deliveryPush = (tenant: string, failures = 0): Push => ({
  queue: DELIVERY_QUEUE,
  key: tenant,
  payload: JSON.stringify({ tenant, failures }),
  ...backoff(failures),
});

/** The same for a system that is delivered by itself: its own queue, so that no tenant waits behind it. */
export const suspectPush = ({ tenant, subject }: Suspect, failures = 0): Push => ({
  queue: SUSPECT_QUEUE,
  key: `${tenant} ${subject}`,
  payload: JSON.stringify({ tenant, subject, failures }),
  ...backoff(failures),
});

/**
 * Safe to repeat: Alertmanager takes the same state twice as once. When it is away the job ends with one that waits, so that it
 * is never given up. Only a run that found nothing ends without a next one: what comes while a job is here is pushed quietly.
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

/** What a suspect posts: the alerts at fault are dead letters with Alertmanager's reason, the others are delivered. */
export async function deliverApart(deps: DeliveryDeps, job: Job): Promise<Push[]> {
  const { failures, ...suspect } = JSON.parse(job.payload) as Suspect & { failures: number };
  const found = { refused: 0, untried: 0, reason: "" };
  let calls = CALLS_PER_SUSPECT;
  const again = await untilAway(deps, { ...suspect, failures }, async (done) => {
    for (let posts = 0; posts < POSTS_PER_JOB; posts += 1) {
      const group = await listApart(deps.database, suspect, GROUP);
      if (group.length === 0) break;
      calls -= await sift(group, {
        // A next group finds some too; one that is in order costs one.
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

/** How many times in a row Alertmanager was away, for the next run; undefined when nothing is left to do. */
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
    // Said when it begins and then every so often: a tenant that is away for a night is not a line every 30 s.
    if (failures === 0 || failures % 20 === 0)
      warn("Alerts wait for Alertmanager.", { ...whose, attempts: failures + 1, reason: reasonOf(error) });
    return isDone ? 1 : failures + 1;
  }
}

/** Systems whose alerts were refused. Those with few alerts are asked about first: one that sends thousands waits for them. */
async function postGroup(deps: DeliveryDeps, tenant: string, group: Undelivered[]): Promise<string[]> {
  const suspects: string[] = [];
  const systems = [...Map.groupBy(group, (one) => one.subject).values()].sort((a, b) => a.length - b.length);
  await sift(systems, {
    tries: CALLS_PER_GROUP,
    // As a whole it goes in the order in which it came.
    post: (asked) => post(deps, tenant, asked.length === systems.length ? group : asked.flat()),
    taken: (asked) => markDelivered(deps.database, asked.flat()),
    async refused(asked) {
      suspects.push(...asked.flatMap(([first]) => (first ? [first.subject] : [])));
    },
  });
  return suspects;
}

/** Undefined when Alertmanager took them, else what it has against them. */
async function post(deps: DeliveryDeps, tenant: string, group: readonly Undelivered[]): Promise<string | undefined> {
  const body = `[${group.map((one) => one.alert).join(",")}]`;
  const { status, value } = await deps.alertmanager.call(tenant, { method: "POST", path: "alerts", body });
  if (status === 200 && value === undefined) return undefined;
  if (status === 200 || status === 404)
    throw new Failure("upstream.strange", 502, "Alertmanager's answer to alerts is none of its own");
  return (typeof value === "string" ? value : JSON.stringify(value ?? status)).slice(0, 500);
}
