// Assembles the domain of alerts: each appliance sees and silences only its own, and what it posts is stored until Alertmanager has it.
import type { DomainWith, Note } from "../../domain.ts";
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Limiter } from "../../ports/limiter.ts";
import type { Queue } from "../../ports/queue.ts";
import type { Systems } from "../systems/index.ts";
import { adminRoutes } from "./admin.ts";
import { openAlertsApi } from "./api.ts";
import type { AlertsApi } from "./api.ts";
import { importPast } from "./history/store.ts";
import type { ImportedAlert } from "./history/store.ts";
import { authorizeWebhook, storeHistory } from "./history/webhook.ts";
import { alertJobs } from "./jobs.ts";
import { backlogCheck, backlogMetric } from "./outbox/backlog.ts";
import { openPositions } from "./outbox/positions.ts";
import { openProxy } from "./proxy.ts";
import { openAcceptance } from "./receive/accept.ts";
import { openBudget } from "./receive/budget.ts";
import { ALERTMANAGER_PATH, applianceRoutes } from "./routes.ts";
import type { AlertsSettings } from "./settings.ts";
import { openSource } from "./source.ts";
import type { AlertSource } from "./source.ts";
import { openAlertmanager } from "./upstream/alertmanager.ts";

export { settings } from "./settings.ts";
export type { ImportedAlert };
export type { AlertSource, OwnAlert } from "./source.ts";

interface AlertsDeps {
  database: Database;
  queue: Queue;
  clock: Clock;
  limiter: Limiter;
  /** Rejects with a 503 while the queue holds more than it may. */
  admit(): Promise<void>;
  warn: Note;
  maxBodyBytes: number;
  settings: AlertsSettings;
  api: { systems: Pick<Systems, "authenticate" | "show"> };
}

interface Alerts extends AlertsApi {
  /** Takes alerts that Muster fires itself; undefined without an Alertmanager. */
  source: AlertSource | undefined;
  /** Imports resolved alerts of the replaced service. Returns how many were new. */
  importHistory(rows: ImportedAlert[], dryRun: boolean): Promise<number>;
}

export function open({ settings, api, ...deps }: AlertsDeps): DomainWith<Alerts> {
  const { database, clock, limiter } = deps;
  const { url, forward, ratePerMinute, historyDays, webhookSecret } = settings;
  const positions = openPositions(clock);
  const upstream = url === undefined ? undefined : openAlertmanager({ url, clock });
  const acceptance = openAcceptance({ ...deps, positions });
  const budget = openBudget({ limiter, perMinute: ratePerMinute });
  const verbs = openAlertsApi({
    database,
    clock,
    showSystem: api.systems.show,
    alertmanager: () => configured(upstream),
  });
  const proxy =
    upstream &&
    openProxy({
      ...deps,
      limits: {
        perSystem: settings.silencesPerSystem,
        perOrganization: settings.silencesPerOrganization,
        maxBytes: settings.silenceMaxBytes,
        maxAheadMs: settings.silenceMaxMs,
        maxLinkFailedMs: settings.linkFailedSilenceMaxMs,
      },
      alertmanager: upstream,
      acceptance,
      isDirect: forward === "direct",
      charge: budget.charge,
    });

  return {
    applianceRoutes: applianceRoutes({
      authenticate: api.systems.authenticate,
      proxy: () => configured(proxy),
      async admit(systemId) {
        await budget.take("alerts", systemId);
        await deps.admit();
      },
      admitSilence: (systemId) => budget.take("silences", systemId),
      maxBytes: deps.maxBodyBytes,
      authorizeWebhook: (header) => authorizeWebhook(header, webhookSecret),
      storeHistory: (body) => storeHistory(database, clock, body),
    }),
    adminRoutes: adminRoutes(verbs),
    foreignPath: ALERTMANAGER_PATH,
    ...alertJobs({ ...deps, historyDays }, upstream, acceptance.handler),
    checks: upstream && [backlogCheck({ database, clock })],
    metrics: backlogMetric(database),
    api: {
      ...verbs,
      importHistory: (rows, dryRun) => importPast(database, rows, dryRun),
      source: upstream && openSource({ clock, positions }),
    },
    stop: () => acceptance.close(),
  };
}

function configured<Part>(part: Part | undefined): Part {
  if (part !== undefined) return part;
  throw new Failure("alerts.unset", 503, "Alertmanager is not configured: MIMIR_URL is not set.");
}
