// Measures heartbeats acknowledged when durable, per second, against a bare Bun.serve JSON echo under the same load; on PostgreSQL and
// on Redis, and how far storing them keeps pace with acknowledging them.
import { hasRedis, startRedis } from "../test/support/redis.ts";
import { startChild } from "./support/child.ts";
import { openBenchGateway } from "./support/gateway.ts";
import { encodeRequest, median, rounded, runLoad } from "./support/load.ts";
import type { LoadResult } from "./support/load.ts";

const SYSTEMS = 500;
const CONNECTIONS = 1000;
const ROUNDS = 3;
const ROUND_MS = 4_000;
const WARM_UP_MS = 2_000;

export async function benchHeartbeats() {
  const postgres = await benchQueue({});
  if (!hasRedis) return { bench: "heartbeats", connections: CONNECTIONS, systems: SYSTEMS, target: 0.5, postgres };
  await using redis = await startRedis();
  const onRedis = await benchQueue({ REDIS_URL: redis.url });
  return { bench: "heartbeats", connections: CONNECTIONS, systems: SYSTEMS, target: 0.5, postgres, redis: onRedis };
}

async function benchQueue(env: Record<string, string>) {
  await using gateway = await openBenchGateway(SYSTEMS, env);
  await using echo = await startChild("echo.ts");
  const requests = gateway.authorizations.map((authorization) =>
    encodeRequest(
      "POST",
      "/collect/api/systems/heartbeat",
      { authorization, "content-type": "application/json" },
      "{}",
    ),
  );
  let at = 0;
  const next = () => requests[(at += 1) % requests.length];
  const load = (url: string, durationMs: number) => runLoad({ url, connections: CONNECTIONS, next, durationMs });

  for (const { url } of [gateway, echo]) await load(url, WARM_UP_MS);
  const rounds: { ours: LoadResult; ceiling: LoadResult }[] = [];
  const persisted: number[] = [];
  // In turns, so that a machine that drifts drifts for both.
  for (let round = 0; round < ROUNDS; round += 1) {
    const ceiling = await load(echo.url, ROUND_MS);
    const ours = await load(gateway.url, ROUND_MS);
    const drainedMs = await untilStored(gateway.operationsUrl);
    persisted.push((ours.seconds * 1_000) / (ours.seconds * 1_000 + drainedMs));
    rounds.push({ ceiling, ours });
  }

  return {
    ours_per_second: Math.round(median(rounds.map(({ ours }) => ours.perSecond))),
    ceiling_per_second: Math.round(median(rounds.map(({ ceiling }) => ceiling.perSecond))),
    ratio: rounded(median(rounds.map(({ ours, ceiling }) => ours.perSecond / ceiling.perSecond))),
    /** Rate at which beats are stored ÷ rate at which they are acknowledged. */
    persisted_share: rounded(median(persisted)),
    p50_ms: median(rounds.map(({ ours }) => ours.p50Ms)),
    p99_ms: median(rounds.map(({ ours }) => ours.p99Ms)),
    ceiling_p50_ms: median(rounds.map(({ ceiling }) => ceiling.p50Ms)),
    ceiling_p99_ms: median(rounds.map(({ ceiling }) => ceiling.p99Ms)),
    refused: Object.assign({}, ...rounds.map(({ ours }) => ours.refused)),
  };
}

/** How long after the last answer the last beat was stored, in ms. */
async function untilStored(operationsUrl: string): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    const answer = (await (await fetch(`${operationsUrl}/stats`)).json()) as {
      data: { queues: Record<string, { pending: number; delayed: number; active: number }> };
    };
    const { pending = 0, delayed = 0, active = 0 } = answer.data.queues["collect:heartbeat"] ?? {};
    if (pending + delayed + active === 0) return performance.now() - startMs;
    await Bun.sleep(10);
  }
}

if (import.meta.main) console.log(JSON.stringify(await benchHeartbeats(), null, 2));
