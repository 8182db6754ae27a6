// Receives heartbeats, acknowledges them when they are durable, and derives each system's status: silence is evaluated once a minute.
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

interface HeartbeatsDeps {
  database: Database;
  queue: Queue;
  clock: Clock;
  /** Rejects with a 503 while the queue holds more than it may. */
  admit(): Promise<void>;
  /** No other gateway can be using this database. */
  exclusive: boolean;
  /** This process receives requests of appliances itself. */
  listens: boolean;
  settings: HeartbeatsSettings;
  api: {
    systems: Pick<Systems, "authenticate" | "activate" | "markActive" | "markInactive">;
    /** Jobs for systems that are heard again after they were inactive. */
    reachability: { recovered(systemIds: readonly string[]): Push[] };
  };
}

export { settings } from "./settings.ts";
const HEARTBEAT_QUEUE = "collect:heartbeat";
const MONITOR_QUEUE = "muster:heartbeat-monitor";

/** Heartbeats of one flush; a payload of about 60 KB. */
const MAX_BATCH = 1000;
/** From the arrival of a heartbeat until it is in the queue, at most: the time a statement may take. */
const MAX_FLUSH_MS = 5_000;

interface Beat {
  systemId: string;
  atMs: number;
}

interface Heartbeats {
  /** A system is inactive after this long without a heartbeat. */
  timeoutMs: number;
  /** Imports heartbeats that another service received. Returns how many were new. */
  importBeats(beats: { systemId: string; at: Date }[]): Promise<number>;
}

export function open({ settings, api, ...deps }: HeartbeatsDeps): DomainWith<Heartbeats> {
  const { database, queue, clock, admit } = deps;
  const { authenticate } = api.systems;
  const timeoutMs = settings.timeoutMinutes * 60_000;
  const watch = openWatch({ ...deps, gatewayId: randomUUIDv7() });
  const batcher = openBatcher<Beat>({
    maxItems: MAX_BATCH,
    // The more heartbeats a flush carries, the less each costs: two flushes at once would be two halves.
    maxFlushes: 1,
    flush: (beats) => queue.push([{ queue: HEARTBEAT_QUEUE, payload: encodeBeats(beats) }]),
  });

  const evaluate = async () => {
    const evaluatedAt = await completeUntil(queue, clock.now());
    const since = await watch.since();
    if (since && evaluatedAt.getTime() - since.getTime() >= timeoutMs)
      await api.systems.markInactive(evaluatedAt, timeoutMs);
    return [api.reachability.recovered(await api.systems.markActive(clock.now(), timeoutMs))];
  };

  const applianceRoutes = new Elysia();
  route(
    applianceRoutes,
    "POST",
    "/systems/heartbeat",
    {
      summary: "Heartbeat of a system; the body is ignored",
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
        // Safe to repeat: a system's newest heartbeat stays, whatever arrives late or twice.
        queue: HEARTBEAT_QUEUE,
        // Under load the heartbeats of a fifth of a second are stored together: frequent ones of a system cost no more.
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
      { queue: MONITOR_QUEUE, batch: 1, batchBytes: 1024, concurrency: 1, leaseMs: 60_000, handle: evaluate },
    ],
    schedules: [{ name: "heartbeat-monitor", cron: "* * * * *", queue: MONITOR_QUEUE }],
    start: watch.start,
    async stop() {
      await batcher.close();
      await watch.stop();
    },
  };
}

/** Every heartbeat up to this instant is stored: silence is evaluated as of then, not as of now. */
async function completeUntil(queue: Queue, now: Date): Promise<Date> {
  const states = ["pending", "delayed", "active"] as const;
  const oldest = await Promise.all(states.map((state) => queue.list(HEARTBEAT_QUEUE, state, 1)));
  const pushedAtMs = oldest.flat().map((job) => job.pushedAt.getTime());
  return new Date(Math.min(now.getTime(), ...pushedAtMs) - MAX_FLUSH_MS);
}

/** `[[id, ms], …]`: heartbeats are most of the queue, so their payload is small, flat and made without a serializer. */
const encodeBeats = (beats: Beat[]) => `[${beats.map(({ systemId, atMs }) => `["${systemId}",${atMs}]`).join(",")}]`;

const joinBeats = (jobs: Job[]) => `[${jobs.map(({ payload }) => payload.slice(1, -1)).join(",")}]`;
