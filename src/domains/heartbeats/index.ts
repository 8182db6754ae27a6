// Heartbeats: heard, acknowledged when durable, and turned into a status; silence is judged once a minute.
import { randomUUIDv7 } from "bun";
import { Elysia } from "elysia";
import type { DomainWith } from "../../domain.ts";
import { route } from "../../http/edge/route.ts";
import { openBatcher } from "../../jobs/batcher.ts";
import type { Clock } from "../../ports/clock.ts";
import { databaseFor } from "../../ports/database.ts";
import type { Database } from "../../ports/database.ts";
import type { Job, Push, Queue } from "../../ports/queue.ts";
import type { Systems } from "../systems/index.ts";
import type { HeartbeatsSettings } from "./settings.ts";
import { importBeats, upsertBeats } from "./store.ts";
import { openWatch } from "./watch.ts";

export interface HeartbeatsDeps {
  database: Database;
  queue: Queue;
  clock: Clock;
  /** Rejects with a 503 while the queue holds more than it may. */
  admit(): Promise<void>;
  /** No other gateway can be using this database. */
  exclusive: boolean;
  /** This process hears appliances itself. */
  listens: boolean;
  settings: HeartbeatsSettings;
  api: {
    systems: Pick<Systems, "authenticate" | "activate" | "markActive" | "markInactive">;
    /** What is to be done when systems are heard again after they were inactive. */
    reachability: { recovered(systemIds: readonly string[]): Push[] };
  };
}

export { settings } from "./settings.ts";
export const HEARTBEAT_QUEUE = "collect:heartbeat";
export const MONITOR_QUEUE = "muster:heartbeat-monitor";

/** Beats of one flush; a payload of about 60 KB. */
const MAX_BATCH = 1000;
/** From hearing a beat to its being in the queue, at most: the time a statement may take. */
const MAX_FLUSH_MS = 5_000;

interface Beat {
  systemId: string;
  atMs: number;
}

export interface Heartbeats {
  /** A system is inactive after so long without a beat. */
  timeoutMs: number;
  /** Beats that another service heard. Returns how many were news. */
  importBeats(beats: { systemId: string; at: Date }[]): Promise<number>;
}

export function open({ settings, api, ...deps }: HeartbeatsDeps): DomainWith<Heartbeats> {
  const { database, queue, clock, admit } = deps;
  const { authenticate } = api.systems;
  const timeoutMs = settings.timeoutMinutes * 60_000;
  const watch = openWatch({ ...deps, gatewayId: randomUUIDv7() });
  const batcher = openBatcher<Beat>({
    maxItems: MAX_BATCH,
    // The more beats a flush carries, the less each costs; two at once would only be two halves.
    maxFlushes: 1,
    flush: (beats) => queue.push([{ queue: HEARTBEAT_QUEUE, payload: encodeBeats(beats) }]),
  });

  const judge = async () => {
    const judgedAt = await completeUntil(queue, clock.now());
    const since = await watch.since();
    if (since && judgedAt.getTime() - since.getTime() >= timeoutMs) await api.systems.markInactive(judgedAt, timeoutMs);
    return [api.reachability.recovered(await api.systems.markActive(clock.now(), timeoutMs))];
  };

  const applianceRoutes = new Elysia();
  route(
    applianceRoutes,
    "POST",
    "/systems/heartbeat",
    {
      summary: "I am alive; the body is ignored",
      auth: "system",
      caller: ({ request, server }) => authenticate(request, server),
      says: "heartbeat acknowledged",
    },
    async ({ caller: { id, key } }) => {
      await admit();
      const at = clock.now();
      await batcher.add({ systemId: id, atMs: at.getTime() });
      return { system_key: key, acknowledged: true, last_heartbeat: at.toISOString() };
    },
  );

  return {
    api: { timeoutMs, importBeats: (beats) => importBeats(database, beats) },
    applianceRoutes,
    jobs: [
      {
        // Safe to repeat: the newest beat of a system stays, whatever comes late or twice.
        queue: HEARTBEAT_QUEUE,
        // Under load the beats of a fifth of a second are stored together: a system that beats often costs no more.
        batch: 200,
        batchBytes: 4 * 1024 ** 2,
        lingerMs: 200,
        concurrency: 1,
        leaseMs: 15_000,
        async handle(jobs) {
          const activeAfter = new Date(clock.now().getTime() - timeoutMs);
          const db = databaseFor(database, jobs);
          const heard = await upsertBeats(db, joinBeats(jobs), activeAfter);
          return [api.reachability.recovered(await api.systems.activate(db, heard))];
        },
      },
      { queue: MONITOR_QUEUE, batch: 1, batchBytes: 1024, concurrency: 1, leaseMs: 60_000, handle: judge },
    ],
    schedules: [{ name: "heartbeat-monitor", cron: "* * * * *", queue: MONITOR_QUEUE }],
    start: watch.start,
    async stop() {
      await batcher.close();
      await watch.stop();
    },
  };
}

/** Every beat heard until then has been stored: silence is judged as of this instant, not as of now. */
async function completeUntil(queue: Queue, now: Date): Promise<Date> {
  const states = ["pending", "delayed", "active"] as const;
  const oldest = await Promise.all(states.map((state) => queue.list(HEARTBEAT_QUEUE, state, 1)));
  const pushedAtMs = oldest.flat().map((job) => job.pushedAt.getTime());
  return new Date(Math.min(now.getTime(), ...pushedAtMs) - MAX_FLUSH_MS);
}

/** `[[id, ms], …]`: beats are the bulk of the queue, so their payload is small, flat and made without a serialiser. */
const encodeBeats = (beats: Beat[]) => `[${beats.map(({ systemId, atMs }) => `["${systemId}",${atMs}]`).join(",")}]`;

const joinBeats = (jobs: Job[]) => `[${jobs.map(({ payload }) => payload.slice(1, -1)).join(",")}]`;
