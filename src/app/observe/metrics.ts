// Measures the plumbing: queues, workers, database, the carried PostgreSQL, the process.
import { Counter, Gauge, collectDefaultMetrics } from "prom-client";
import type { Registry } from "prom-client";
import type { CarriedInfo } from "../../adapters/postgres/carried/carried.ts";
import type { PostgresDatabase } from "../../adapters/postgres/database.ts";
import type { CertificateInForce } from "../../http/listen/certificate.ts";
import type { Runner } from "../../jobs/runner.ts";
import type { Queue } from "../../ports/queue.ts";

interface Plumbing {
  queue: Queue;
  runner: Runner;
  database: PostgresDatabase;
  carried(): CarriedInfo | undefined;
  certificate: CertificateInForce | undefined;
}

/**
 * Everything is read when it is scraped; nothing is counted on the way. `shared` is what all processes would say alike, `own`
 * what each says of itself.
 */
export function observePlumbing(
  { shared, own }: { shared: Registry; own: Registry },
  { queue, runner, database, carried, certificate }: Plumbing,
): void {
  collectDefaultMetrics({ register: own });
  const jobs = new Gauge({
    name: "muster_queue_jobs",
    help: "Jobs by queue and state.",
    labelNames: ["queue", "state"],
    registers: [shared],
  });
  const age = new Gauge({
    name: "muster_queue_oldest_seconds",
    help: "For how long the oldest pending job has been due.",
    labelNames: ["queue"],
    registers: [shared],
    async collect() {
      jobs.reset();
      this.reset();
      // A scrape while the database is away shows what is left: process and requests.
      const counts = await queue.counts().catch(() => ({}));
      for (const [name, { pending, delayed, active, dead, oldestSeconds }] of Object.entries(counts)) {
        for (const [state, count] of Object.entries({ pending, delayed, active, dead }))
          jobs.set({ queue: name, state }, count);
        this.set({ queue: name }, oldestSeconds);
      }
    },
  });
  void age;
  new Counter({
    name: "muster_worker_jobs_total",
    help: "Jobs of this process by queue and outcome.",
    labelNames: ["queue", "outcome"],
    registers: [own],
    collect() {
      this.reset();
      for (const [name, { done, failed, buried }] of Object.entries(runner.stats())) {
        for (const [outcome, count] of Object.entries({ done, failed, buried }))
          this.inc({ queue: name, outcome }, count);
      }
    },
  });
  new Gauge({
    name: "muster_worker_running",
    help: "Jobs at work in this process.",
    labelNames: ["queue"],
    registers: [own],
    collect() {
      for (const [name, { running }] of Object.entries(runner.stats())) this.set({ queue: name }, running);
    },
  });
  new Gauge({
    name: "muster_database_connections",
    help: "Connections of this process by state.",
    labelNames: ["state"],
    registers: [own],
    collect() {
      for (const [state, count] of Object.entries(database.counts())) this.set({ state }, count);
    },
  });
  new Gauge({
    name: "muster_database_up",
    help: "1 while the database answers.",
    registers: [shared],
    async collect() {
      this.set(
        await database.query("select 1").then(
          () => 1,
          () => 0,
        ),
      );
    },
  });
  if (carried()) {
    new Counter({
      name: "muster_carried_postgres_restarts_total",
      help: "Times that the carried PostgreSQL was started again after it died.",
      registers: [shared],
      collect() {
        this.reset();
        this.inc(carried()?.restarts ?? 0);
      },
    });
  }
  if (certificate) {
    new Gauge({
      name: "muster_certificate_expiry_seconds",
      help: "When the certificate of the main listener runs out, in seconds since 1970.",
      registers: [shared],
      collect() {
        this.set(certificate.current().expiresAt.getTime() / 1000);
      },
    });
  }
}
