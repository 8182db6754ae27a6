// Heartbeats: heard, acknowledged when durable, and turned into a status; silence is judged once a minute.
import { Elysia } from "elysia";
import type { Domain } from "../../domain.ts";
import { Permanent } from "../../errors.ts";
import { envelope } from "../../http/envelope.ts";
import { operation } from "../../http/openapi.ts";
import { openBatcher } from "../../jobs/batcher.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Queue } from "../../ports/queue.ts";
import type { Authenticate } from "../systems/index.ts";
import { markActive, markInactive, upsertBeats } from "./store.ts";
import type { Beat } from "./store.ts";
import { openWatch } from "./watch.ts";

export interface HeartbeatsDeps {
  database: Database;
  queue: Queue;
  clock: Clock;
  authenticate: Authenticate;
  /** Rejects with a 503 while the queue holds more than it may. */
  admit(): Promise<void>;
  gatewayId: string;
  /** No other gateway can be using this database. */
  exclusive: boolean;
  timeoutMinutes: number;
}

export const HEARTBEAT_QUEUE = "collect:heartbeat";
export const MONITOR_QUEUE = "muster:heartbeat-monitor";

/** Beats of one flush; a payload of about 60 KB. */
const MAX_BATCH = 1000;
/** While beats wait in the queue longer than this, nobody's silence can be judged. */
const MAX_LAG_SECONDS = 30;

export function openHeartbeats(deps: HeartbeatsDeps): Domain {
  const { database, queue, clock, authenticate, admit } = deps;
  const timeoutMs = deps.timeoutMinutes * 60_000;
  const watch = openWatch(deps);
  const batcher = openBatcher<Beat>({
    maxItems: MAX_BATCH,
    flush: (beats) => queue.push([{ queue: HEARTBEAT_QUEUE, payload: encodeBeats(beats) }]),
  });

  const judge = async () => {
    const now = clock.now();
    await markActive(database, now, timeoutMs);
    const since = await watch.since();
    const { oldestSeconds = 0 } = (await queue.counts())[HEARTBEAT_QUEUE] ?? {};
    const hasWatched = since !== undefined && now.getTime() - since.getTime() >= timeoutMs;
    if (hasWatched && oldestSeconds <= MAX_LAG_SECONDS) await markInactive(database, now, timeoutMs);
  };

  const applianceRoutes = new Elysia().post(
    "/systems/heartbeat",
    async ({ request, server }) => {
      const system = await authenticate(request, server);
      await admit();
      const at = clock.now();
      await batcher.add({ systemId: system.id, at });
      return envelope("heartbeat acknowledged", {
        system_key: system.key,
        acknowledged: true,
        last_heartbeat: at.toISOString(),
      });
    },
    { parse: "none", detail: operation({ summary: "I am alive; the body is ignored", auth: "system" }) },
  );

  return {
    applianceRoutes,
    jobs: [
      {
        // Safe to repeat: the newest beat of a system stays, whatever comes late or twice.
        queue: HEARTBEAT_QUEUE,
        batch: 10,
        batchBytes: 1024 ** 2,
        concurrency: 1,
        leaseMs: 30_000,
        handle: async (jobs) =>
          upsertBeats(
            database,
            jobs.flatMap((job) => decodeBeats(job.payload)),
          ),
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

/** `[[id, ms], …]`: beats are the bulk of the queue, so their payload is small and flat. */
const encodeBeats = (beats: Beat[]) => JSON.stringify(beats.map(({ systemId, at }) => [systemId, at.getTime()]));

function decodeBeats(payload: string): Beat[] {
  const beats: unknown = JSON.parse(payload);
  if (!Array.isArray(beats)) throw new Permanent("the payload holds no beats");
  return beats.map(([systemId, ms]) => ({ systemId, at: new Date(ms) }));
}
