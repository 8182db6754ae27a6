// Stops what was started, in reverse order and within one deadline, and names what was left undone.
import type { PostgresDatabase } from "../adapters/postgres/database.ts";
import type { OpenedPostgres } from "../adapters/postgres/open.ts";
import type { Domain } from "../domain.ts";
import { reasonOf } from "../errors.ts";
import type { Runner } from "../jobs/runner.ts";
import type { Log } from "../log.ts";
import { counted } from "../values/count.ts";
import type { Listeners } from "./listeners.ts";
import type { Children } from "./observe/report.ts";
import type { Shared } from "./services.ts";

interface StopPlan {
  /** All at once: each takes nothing new, finishes what is in flight, and resolves with what it had to leave. */
  finish: readonly ((limitMs: number) => Promise<readonly string[]>)[];
  /** One after the other. */
  close: readonly { name: string; run: () => Promise<unknown> }[];
  /** Keeps its limit itself. */
  last: (limitMs: number) => Promise<void>;
}

/** Share of the deadline for closing; work in flight gets the rest. */
const CLOSING_SHARE = 1 / 4;
const MAX_CLOSING_MS = 5_000;
const MAX_NAMED = 8;

export async function stopWithin(limitMs: number, { finish, close, last }: StopPlan, log: Log): Promise<void> {
  const endMs = performance.now() + limitMs;
  const closingMs = Math.min(limitMs * CLOSING_SHARE, MAX_CLOSING_MS);
  const left = (await Promise.all(finish.map((one) => one(limitMs - closingMs)))).flat();
  for (const { name, run } of close) {
    const fault = await within(endMs - closingMs / 2, run);
    if (fault !== undefined) left.push(`${name} (${fault})`);
  }
  await last(Math.max(0, endMs - performance.now()));
  if (left.length === 0) return;
  const more = left.length > MAX_NAMED ? ` and ${left.length - MAX_NAMED} more` : "";
  log.warn("Stopped before all was finished. Jobs are done after the next start; requests were cut off.", {
    limit: `${limitMs / 1_000}s`,
    left: `${left.slice(0, MAX_NAMED).join(", ")}${more}`,
  });
}

interface StopDeps {
  listeners: Listeners;
  children: Children | undefined;
  runner: Runner;
  /** In the order they were opened. */
  domains: readonly Domain[];
  services: Pick<Shared, "queue" | "signals" | "limiter" | "redis">;
  database: PostgresDatabase;
  postgres: OpenedPostgres;
}

/** The reverse of how open.ts starts it. */
export function planStop({ listeners, children, runner, domains, services, database, postgres }: StopDeps): StopPlan {
  const { queue, signals, limiter, redis } = services;
  return {
    finish: [
      (ms) => listeners.stopMain(ms),
      async (ms) => (await children?.stop(ms)) ?? [],
      (ms) => finishJobs(runner, ms),
    ],
    close: [
      { name: "the operations listener", run: () => listeners.stopOperations() },
      ...domains.toReversed().map((domain) => ({ name: "a domain", run: async () => domain.stop?.() })),
      { name: "the queue", run: () => queue.close() },
      { name: "the signals", run: () => signals.close() },
      { name: "the rate limits", run: () => limiter.close() },
      { name: "Redis", run: async () => redis?.close() },
      { name: "the database's connections", run: () => database.close() },
    ],
    last: (ms) => postgres.close(ms),
  };
}

/** Jobs that are left become due again when their lease expires. */
async function finishJobs(runner: Runner, limitMs: number): Promise<string[]> {
  await runner.stop(limitMs);
  const running = Object.entries(runner.stats()).filter(([, stats]) => stats.running > 0);
  return running.map(([queue, stats]) => `${counted(stats.running, "job")} of ${queue}`);
}

/** Undefined when it was done in time. */
async function within(endMs: number, run: () => Promise<unknown>): Promise<string | undefined> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve("not closed in time"), Math.max(0, endMs - performance.now()));
  try {
    return await Promise.race([run().then(() => undefined), late.promise]);
  } catch (error) {
    return reasonOf(error);
  } finally {
    clearTimeout(timer);
  }
}
