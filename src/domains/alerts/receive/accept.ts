// Stores posted alerts before they are acknowledged: in the queue, and from there, labelled and rendered, in the outbox.
import type { JobHandler, Note } from "../../../domain.ts";
import { openBatcher } from "../../../jobs/batcher.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { Job, Push, Queue } from "../../../ports/queue.ts";
import { deliveryPush, suspectPush } from "../outbox/deliver.ts";
import { findIdentities } from "../labels/identities.ts";
import { fingerprintOf } from "../labels/labels.ts";
import type { Identity } from "../labels/labels.ts";
import { upsertStates } from "../outbox/store.ts";
import type { AlertState, Suspect } from "../outbox/store.ts";
import type { PostedAlert } from "../upstream/alertmanager.ts";
import { labelAlerts } from "./label.ts";
import type { Positions } from "../outbox/positions.ts";
import { ACCEPT_QUEUE } from "../schema.ts";

interface AcceptanceDeps {
  database: Queryable;
  queue: Queue;
  clock: Clock;
  positions: Positions;
  warn: Note;
}

export interface Acceptance {
  /** Resolves when the alerts are durable. */
  accept(systemId: string, alerts: PostedAlert[]): Promise<void>;
  handler: JobHandler;
  close(): Promise<void>;
}

/** One request's alerts, as in the queue's payload. */
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
    const store = async (taken: AlertState[]) => {
      for (const one of await upsertStates(database, taken, clock.now())) suspects.set(one.subject, one);
    };
    let states: AlertState[] = [];
    for (const one of newestOf(posted)) {
      // Alerts of a system that was erased meanwhile are dropped.
      const identity = identities.get(one.systemId);
      if (!identity) continue;
      tenants.add(identity.tenant);
      states.push(...(await statesOf(one, identity, warn)));
      while (states.length >= STATES_PER_STATEMENT) {
        await store(states.slice(0, STATES_PER_STATEMENT));
        states = states.slice(STATES_PER_STATEMENT);
      }
    }
    await store(states);
    return [
      [...[...tenants].map((tenant) => deliveryPush(tenant)), ...[...suspects.values()].map((one) => suspectPush(one))],
    ];
  };

  return {
    accept: (systemId, alerts) =>
      batcher.add(JSON.stringify({ systemId, position: positions.take(alerts.length), alerts } satisfies Posted)),
    handler: {
      queue: ACCEPT_QUEUE,
      // Under load the posts of a fifth of a second are taken together: an alert that is repeated is stored once.
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
 * Of an alert that was posted several times only the newest state is rendered and stored. Senders write the labels of an alert in
 * the same order each time; where one does not, the outbox finds that the alerts are the same.
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
