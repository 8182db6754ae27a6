// Defines what a domain hands the app, which mounts routes, runs jobs, ticks schedules and runs checks, and knows no subject.
import type { AnyElysia } from "elysia";
import type { Registry } from "prom-client";
import type { Job, Push, QueueName } from "./ports/queue.ts";

/** Writes one line to the log: a sentence and its facts. */
export type Note = (message: string, facts: Record<string, string | number | boolean | null | undefined>) => void;

export interface Domain {
  /** Mounted at each prefix that appliances use: /api, /collect/api, /backend/api. */
  applianceRoutes?: AnyElysia;
  /** Mounted under /api/admin, behind the operator's token. */
  adminRoutes?: AnyElysia;
  /** Part of the path of routes that speak another service's protocol, whose errors are JSON strings. */
  foreignPath?: string;
  jobs?: JobHandler[];
  schedules?: Schedule[];
  checks?: Check[];
  metrics?: (registry: Registry) => void;
  start?: () => Promise<void>;
  stop?: () => Promise<void>;
}

/** One that answers others: domains, commands, the import. */
export interface DomainWith<Api> extends Domain {
  api: Api;
}

export interface JobHandler {
  queue: QueueName;
  /** Most jobs in one call; 1 where the work is not set-based. */
  batch: number;
  /** Most payload bytes in one call; the first job always fits. */
  batchBytes: number;
  /** Calls in flight at once in one process. */
  concurrency: number;
  /** After a batch that was not full, the next claim waits this long, so that more work is done at once. */
  lingerMs?: number;
  /** A job that is not settled by then is given to another worker; the runner extends the lease while the handler works. */
  leaseMs: number;
  /** The job takes so long that others must not wait for it: it is given to a call of its own, beside theirs. */
  isLong?(job: Job): boolean;
  /**
   * Must be safe to repeat. Returns the follow-ups of each job, by index, or nothing when there are none. When it throws on
   * several jobs, the runner calls it again for each alone, so one bad job never holds back its neighbours.
   */
  handle(jobs: Job[]): Promise<Push[][] | void>;
}

export interface Schedule {
  /** First half of the job's key: each tick is one job, however many processes tick. */
  name: string;
  /** Cron expression in UTC. */
  cron: string;
  queue: QueueName;
}

export interface Check {
  name: string;
  /** Resolves when all is well. A returned sentence means degraded but serving; a rejection means not ready. */
  run(): Promise<string | undefined>;
  /** What an operator does about it, in a sentence. */
  advice: string;
  /** What is well, for `muster doctor`. */
  well?(): string;
  /** Only `muster doctor` asks: what it finds concerns an operator, but no load balancer. */
  onDemand?: boolean;
  /** How many times longer than usual its answer is waited for: for tests on a busy machine. */
  patience?: number | undefined;
}
