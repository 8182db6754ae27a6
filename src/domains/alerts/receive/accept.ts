// Posted alerts are kept before they are answered: into the queue, from there into the outbox, labelled and annotated.
import type { JobHandler, Note } from "../../../domain.ts";
import { openBatcher } from "../../../jobs/batcher.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { Job, Push, Queue } from "../../../ports/queue.ts";
import { annotate } from "./annotate.ts";
import { deliveryPush, suspectPush } from "../outbox/deliver.ts";
import { findIdentities } from "../identities.ts";
import { fingerprintOf, forceLabels } from "../labels.ts";
import type { Identity } from "../labels.ts";
import { keepStates } from "../outbox/store.ts";
import type { AlertState, Suspect } from "../outbox/store.ts";
import type { PostedAlert } from "./payload.ts";
import type { Positions } from "../outbox/positions.ts";
import { ACCEPT_QUEUE } from "../schema.ts";

export interface AcceptanceDeps {
  database: Queryable;
  queue: Queue;
  clock: Clock;
  positions: Positions;
  warn: Note;
}

export interface Acceptance {
  /** Resolves when the alerts are safe. */
  accept(systemId: string, alerts: PostedAlert[]): Promise<void>;
  handler: JobHandler;
  close(): Promise<void>;
}

/** One request's alerts as the queue holds them. */
interface Posted {
  systemId: string;
  /** Of the first alert; the others follow. */
  position: number;
  alerts: PostedAlert[];
}

const MAX_FLUSH_BYTES = 1024 ** 2;
/** Rows of one statement. */
const STATES_PER_STATEMENT = 1_000;

export function openAcceptance({ database, queue, clock, positions, warn }: AcceptanceDeps): Acceptance {
  const batcher = openBatcher<string>({
    maxItems: 500,
    maxBytes: MAX_FLUSH_BYTES,
    bytesOf: (item) => item.length,
    maxFlushes: 2,
    flush: (items) => queue.push([{ queue: ACCEPT_QUEUE, payload: `[${items.join(",")}]` }]),
  });

  /** Safe to repeat: the position of a state says whether it is the newest. */
  const handle = async (jobs: Job[]): Promise<Push[][]> => {
    const posted = jobs.flatMap((job) => JSON.parse(job.payload) as Posted[]);
    const identities = await findIdentities(database, [...new Set(posted.map((one) => one.systemId))]);
    const tenants = new Set<string>();
    const suspects = new Map<string, Suspect>();
    const keep = async (kept: AlertState[]) => {
      for (const one of await keepStates(database, kept, clock.now())) suspects.set(one.subject, one);
    };
    let states: AlertState[] = [];
    for (const one of newestOf(posted)) {
      // A system that was erased meanwhile has nothing to say any more.
      const identity = identities.get(one.systemId);
      if (!identity) continue;
      tenants.add(identity.tenant);
      states.push(...(await statesOf(one, identity, warn)));
      while (states.length >= STATES_PER_STATEMENT) {
        await keep(states.slice(0, STATES_PER_STATEMENT));
        states = states.slice(STATES_PER_STATEMENT);
      }
    }
    await keep(states);
    return [
      [...[...tenants].map((tenant) => deliveryPush(tenant)), ...[...suspects.values()].map((one) => suspectPush(one))],
    ];
  };

  return {
    accept: (systemId, alerts) =>
      batcher.add(JSON.stringify({ systemId, position: positions.take(alerts.length), alerts } satisfies Posted)),
    handler: {
      queue: ACCEPT_QUEUE,
      // Under load the posts of a fifth of a second are looked at together: what is said again and again is stored once.
      batch: 200,
      batchBytes: 8 * 1024 ** 2,
      lingerMs: 200,
      concurrency: 1,
      leaseMs: 15_000,
      handle,
    },
    close: () => batcher.close(),
  };
}

interface Numbered {
  position: number;
  alert: PostedAlert;
}

/**
 * Of an alert that was posted several times only the newest state is worth rendering and storing. A sender writes its labels in
 * the same order each time; where it does not, the outbox finds that they are the same.
 */
function newestOf(posted: readonly Posted[]): { systemId: string; alerts: Numbered[] }[] {
  const bySystem = new Map<string, Map<string, Numbered>>();
  for (const { systemId, position: first, alerts } of posted) {
    const newest = bySystem.get(systemId) ?? new Map<string, Numbered>();
    bySystem.set(systemId, newest);
    alerts.forEach((alert, index) => {
      const key = JSON.stringify(alert.labels);
      const position = first + index;
      if ((newest.get(key)?.position ?? -1) <= position) newest.set(key, { position, alert });
    });
  }
  return [...bySystem].map(([systemId, newest]) => ({ systemId, alerts: [...newest.values()] }));
}

async function statesOf(
  { systemId, alerts }: { systemId: string; alerts: Numbered[] },
  identity: Identity,
  warn: Note,
): Promise<AlertState[]> {
  const labelled = await labelAlerts(
    alerts.map((one) => one.alert),
    identity,
    warn,
  );
  return alerts.map(({ position, alert }, index) => ({
    subject: systemId,
    fingerprint: fingerprintOf(alert.labels),
    systemId,
    tenant: identity.tenant,
    position,
    alert: labelled[index] ?? alert,
  }));
}

/** With our labels in them, and templates rendered from those. */
export async function labelAlerts(
  alerts: readonly PostedAlert[],
  identity: Identity,
  warn: Note,
): Promise<PostedAlert[]> {
  const labelled = alerts.map((alert) => ({ ...alert, labels: forceLabels(alert.labels, identity) }));
  let broken: { annotation: string; reason: string; count: number } | undefined;
  await annotate(labelled, (annotation, reason) => {
    broken ??= { annotation, reason, count: 0 };
    broken.count += 1;
  });
  // Once for a request: a sender with a broken rule sends it again and again.
  if (broken)
    warn("An annotation is no template; it is passed on as it is.", {
      system_key: identity.labels.system_key,
      ...broken,
    });
  return labelled;
}
