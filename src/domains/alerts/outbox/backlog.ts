// Reports how many alerts wait for Alertmanager: at /ready when they wait for too long, and as a metric.
import { Gauge } from "prom-client";
import type { Check, Domain } from "../../../domain.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import { counted } from "../../../values/count.ts";
import { measureOutbox } from "./store.ts";

const LATE_MS = 120_000;

export const backlogCheck = ({ database, clock }: { database: Queryable; clock: Clock }): Check => ({
  name: "alerts",
  well: () => "No alert waits for Alertmanager for long.",
  advice: "Check MIMIR_URL, and that Alertmanager runs and takes what is sent. Alerts wait in the database meanwhile.",
  async run() {
    const { waiting, oldest } = await measureOutbox(database);
    const isLate = oldest !== null && clock.now().getTime() - oldest.getTime() > LATE_MS;
    return isLate
      ? `${counted(waiting, "alert waits", "alerts wait")} for Alertmanager, the oldest since ${oldest.toISOString()}.`
      : undefined;
  },
});

export const backlogMetric =
  (database: Queryable): NonNullable<Domain["metrics"]> =>
  (registry) => {
    new Gauge({
      name: "muster_alerts_waiting",
      help: "Alerts that wait in the outbox for Alertmanager.",
      registers: [registry],
      async collect() {
        // While the database is away a scrape shows the other metrics.
        const outbox = await measureOutbox(database).catch(() => undefined);
        if (outbox) this.set(outbox.waiting);
      },
    });
  };
