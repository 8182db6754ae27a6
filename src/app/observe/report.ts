// Reports on a process, and on those that work for it: readiness, metrics, statistics, the start in words.
import { Registry } from "prom-client";
import type { Check } from "../../domain.ts";
import { checkReadiness, operationsHandler, worstOf } from "../../http/operations.ts";
import type { Readiness } from "../../http/operations.ts";
import type { HandlerStats, Runner } from "../../jobs/runner.ts";
import type { Log } from "../../log.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queue, QueueName } from "../../ports/queue.ts";
import type { Config } from "../settings.ts";

/** Reports on one process. */
export interface ProcessReport {
  readiness(): Promise<Readiness>;
  /** In the text format of Prometheus, without the metrics that are the same in all processes. */
  metrics(): Promise<string>;
  workers(): Record<QueueName, HandlerStats>;
}

/** Reports on the supervised processes, put together. */
export interface Children {
  checks: Check[];
  readiness(): Promise<Readiness[]>;
  /** Theirs and `own`, each with its process as a label. */
  metrics(own: string): Promise<string>;
  workers(): Promise<Record<QueueName, HandlerStats>>;
  describe(): Record<string, unknown>[];
  /** Stops them within that time; resolves with those it had to kill. */
  stop(limitMs: number): Promise<string[]>;
}

/** `shared` has the metrics that are the same in all processes, `own` those of this process. */
interface Registries {
  shared: Registry;
  own: Registry;
}

export const openRegistries = (): Registries => ({ shared: new Registry(), own: new Registry() });

interface ReportDeps {
  version: string;
  clock: Clock;
  queue: Queue;
  runner: Runner;
  checks: readonly Check[];
  registries: Registries;
  children: Children | undefined;
}

interface Reporting {
  report: ProcessReport;
  /** A request to the operations listener. */
  handleOperations(request: Request): Promise<Response>;
}

export function openReport({ version, clock, queue, runner, checks, registries, children }: ReportDeps): Reporting {
  const { shared, own } = registries;
  const startedAt = clock.now();
  const report: ProcessReport = {
    readiness: () => checkReadiness(checks),
    metrics: () => own.metrics(),
    workers: () => runner.stats(),
  };
  const handleOperations = operationsHandler({
    version,
    async readiness() {
      const [ownFindings, theirs = []] = await Promise.all([report.readiness(), children?.readiness()]);
      return worstOf([ownFindings, ...theirs]);
    },
    async metrics() {
      const [common, mine] = await Promise.all([shared.metrics(), report.metrics()]);
      return `${common}\n${(await children?.metrics(mine)) ?? mine}`;
    },
    stats: async () => ({
      queues: await queue.counts(),
      workers: (await children?.workers()) ?? runner.stats(),
      uptime_seconds: Math.floor((clock.now().getTime() - startedAt.getTime()) / 1000),
      version,
      ...(children && { processes: children.describe() }),
    }),
  });
  return { report, handleOperations };
}

interface Started {
  /** The services below, in words. */
  database: string;
  redis: string | undefined;
  /** Addresses. */
  main: string | undefined;
  operations: string | undefined;
}

export function announceStart(log: Log, config: Config, started: Started): void {
  const { database, redis, main = "elsewhere", operations = "nowhere" } = started;
  log.info(`Database: ${database}.`);
  log.info(`Queue, rate limits and signals: ${redis ?? "in that database and in this process (no Redis)"}.`);
  log.info(`Inventory rules: ${config.inventory.rulesFile ?? "built in"}.`);
  log.info(`Appliances and operators: ${main}. Health, readiness, metrics: ${operations}.`);
  log.info(
    'Ready. "muster systems add --name NAME" adds the first system, "muster tokens add --name NAME" an operator token.',
  );
}
