// A runner over a real queue, with time moved by hand and the log kept for reading.
import { openPostgresQueue } from "../../src/adapters/postgres/queue/queue.ts";
import type { JobHandler } from "../../src/domain.ts";
import { openRunner } from "../../src/jobs/runner.ts";
import type { Queryable } from "../../src/ports/database.ts";
import type { Job, Push } from "../../src/ports/queue.ts";
import { openLog } from "../../src/log.ts";
import { testClock } from "../support/clock.ts";

export const POLL_MS = 500;
export const LEASE_MS = 30_000;

export function openJobs(database: Queryable) {
  const clock = testClock();
  const queue = openPostgresQueue({ database, clock });
  const lines: string[] = [];
  const log = openLog({ level: "debug", format: "text", write: (line) => void lines.push(line) });
  return {
    clock,
    queue,
    lines,
    log,
    /** Without jitter, so that the waits are the whole ones. */
    runner: (...handlers: JobHandler[]) =>
      openRunner({ queue, handlers, clock, log, pollMs: POLL_MS, random: () => 0 }),
    push: (...payloads: string[]) => queue.push(payloads.map((payload) => ({ queue: "work", payload }))),
    counts: async (name = "work") =>
      (await queue.counts())[name] ?? { pending: 0, delayed: 0, active: 0, dead: 0, oldestSeconds: 0 },
  };
}

/** A handler of `work` that runs one job at a time; pass what differs. */
export function handlerOf(
  handle: (jobs: Job[]) => Promise<Push[][] | void>,
  options: Partial<Omit<JobHandler, "handle">> = {},
): JobHandler {
  return { queue: "work", batch: 10, batchBytes: 1_000_000, concurrency: 1, leaseMs: LEASE_MS, handle, ...options };
}

/** A door that what is behind it waits at, until it is opened. */
export function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}
