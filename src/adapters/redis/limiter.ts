// Counts sliding windows in Redis, shared by every process.
import type { Clock } from "../../ports/clock.ts";
import type { Budget, Limiter } from "../../ports/limiter.ts";
import { prepareStep } from "./connection.ts";
import type { RedisConnection } from "./connection.ts";
import limit from "./limit.lua" with { type: "text" };

/** Groups a window is cut into, as in memory. */
const GROUPS = 64;
const step = prepareStep(limit);

/** The connection is not closed with the limiter. */
export function openRedisLimiter({ connection, clock }: { connection: RedisConnection; clock: Clock }): Limiter {
  const ask = async (key: string, { limit: takes, windowMs }: Budget, take: 0 | 1) => {
    const args = [clock.now().getTime(), takes, Math.ceil(windowMs), GROUPS, take];
    return Number(await connection.run(step, [`muster:limit:${key}`], args));
  };
  return {
    take: (key, budget) => ask(key, budget, 1),
    peek: (key, budget) => ask(key, budget, 0),
    async close() {},
  };
}
