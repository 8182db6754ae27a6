// Builds each domain on what it needs, and says which domain hears of what another one does.
import { randomUUIDv7 } from "bun";
import { join } from "node:path";
import type { Shared } from "./services.ts";
import type { Config } from "../config/index.ts";
import type { Domain, Note } from "../domain.ts";
import { openAlerts } from "../domains/alerts/index.ts";
import { openApplications } from "../domains/applications/index.ts";
import { openBackups } from "../domains/backups/index.ts";
import { openChanges } from "../domains/changes/index.ts";
import { openCompliance } from "../domains/compliance/index.ts";
import type { Policy } from "../domains/compliance/index.ts";
import { openFacts } from "../domains/facts/index.ts";
import { openFindings } from "../domains/findings/index.ts";
import { openHealth } from "../domains/health/index.ts";
import { openHeartbeats } from "../domains/heartbeats/index.ts";
import { findGaps, openInventory, stableLabelsOf } from "../domains/inventory/index.ts";
import type { RulesInForce } from "../domains/inventory/index.ts";
import { openNoise } from "../domains/noise/index.ts";
import { openOperators } from "../domains/operators/index.ts";
import { openOrganizations } from "../domains/organizations/index.ts";
import { openOverview } from "../domains/overview/index.ts";
import { openReachability } from "../domains/reachability/index.ts";
import { openQueues } from "../domains/queues/index.ts";
import { openSearch } from "../domains/search/index.ts";
import { openSystems } from "../domains/systems/index.ts";
import { openBodyReader } from "../http/edge/body.ts";
import { openThrottleNotes } from "../http/throttle-notes.ts";
import { openAdmission } from "../jobs/admission.ts";
import type { Clock } from "../ports/clock.ts";
import type { Database } from "../ports/database.ts";
import type { ObjectStore } from "../ports/objects.ts";
import { MUSTER } from "../values/actor.ts";

export interface DomainsDeps extends Pick<Shared, "queue" | "limiter" | "signals"> {
  config: Config;
  clock: Clock;
  database: Database;
  objects: ObjectStore;
  rulesInForce: RulesInForce<Policy>;
  warn: Note;
  note: Note;
  /** No other gateway can be using this database. */
  exclusive: boolean;
  /** This process hears appliances itself. */
  listens: boolean;
}

export type Domains = ReturnType<typeof openDomains>;

/** Of unfinished bodies of one sender: its largest one, and the next before the first was answered. */
const SENDER_BYTES = 32 * 1024 ** 2;

export function openDomains(deps: DomainsDeps) {
  const { config, clock, database, queue, limiter, signals, objects, rulesInForce, exclusive, listens, warn, note } =
    deps;
  const body = openBodyReader({ clock, senderBytes: Math.max(SENDER_BYTES, 2 * config.apiMaxRequestSize) });
  const admit = openAdmission({ queue, maxPending: config.queueMaxPending });
  const failuresPerMinute = config.authFailuresPerMinute;

  const noteThrottled = openThrottleNotes({ clock, note });

  const operators = openOperators({ database, limiter, clock, failuresPerMinute, noteThrottled });
  const systems = openSystems({
    database,
    limiter,
    signals,
    clock,
    discardLane: (systemId) => queue.discardLane(systemId),
    healthOf: openHealth({ database, clock }),
    keyPrefix: config.systemKeyPrefix,
    cacheTtlMs: config.systemAuthCacheTtl,
    failuresPerMinute,
    registrationsPerMinute: config.registerRatePerMinute,
    note,
    noteThrottled,
  });
  const organizations = openOrganizations({ database, clock, accessChanged: systems.organizationChanged });
  const { authenticate } = systems;
  const showSystem = (keyOrId: string) => systems.api.show(MUSTER, keyOrId);
  const alerts = openAlerts({
    database,
    queue,
    clock,
    limiter,
    body,
    authenticate,
    showSystem,
    admit,
    warn,
    url: config.mimirUrl,
    forward: config.alertsForward,
    ratePerMinute: config.alertsRatePerMinute,
    silences: {
      perSystem: config.silencesPerSystem,
      perOrganization: config.silencesPerOrganization,
      maxBytes: config.silenceMaxSize,
      maxAheadMs: config.silenceMaxDuration,
      maxLinkFailedMs: config.linkfailedSilenceMaxDuration,
    },
    maxBytes: config.apiMaxRequestSize,
    webhookSecret: config.alertingHistoryWebhookSecret,
    historyDays: config.alertHistoryDays,
  });
  const reachability = openReachability({
    database,
    queue,
    clock,
    alerts: alerts.source,
    heartbeatTimeoutMinutes: config.heartbeatTimeoutMinutes,
    linkFailedIntervalMs: config.linkfailedInterval,
    sitePercent: config.siteUnreachablePercent,
    siteMinimum: config.siteUnreachableMinimum,
  });
  const heartbeats = openHeartbeats({
    database,
    queue,
    clock,
    authenticate,
    admit,
    recovered: reachability.recovered,
    gatewayId: randomUUIDv7(),
    exclusive,
    listens,
    timeoutMinutes: config.heartbeatTimeoutMinutes,
  });
  const noise = openNoise({ database, clock, body });
  const facts = openFacts({ database, isNoise: rulesInForce.rules.isNoise, labelsOf: stableLabelsOf });
  const search = openSearch({ database });
  const changes = openChanges({ database });
  const applications = openApplications({ database, gapsOf: findGaps, showSystem });
  const findings = openFindings({ database, clock, showSystem });
  const inventory = openInventory({
    database,
    queue,
    clock,
    limiter,
    body,
    authenticate,
    showSystem,
    admit,
    maxBytes: config.apiMaxRequestSize,
    ratePerMinute: config.inventoryRatePerMinute,
    budgets: { perSystem: config.inventoryPerSystem, perOrganization: config.inventoryPerOrganization },
    keepers: [facts.project, (tx, newest) => compliance.keeper(tx, newest), applications.project],
    findings,
    rulesInForce,
    noise,
  });
  const backups = openBackups({
    database,
    objects,
    queue,
    limiter,
    clock,
    authenticate,
    showSystem: systems.api.show,
    findings: findings.backups,
    isLive: operators.isLive,
    limits: {
      maxUploadBytes: config.backupMaxUploadSize,
      maxPerSystem: config.backupMaxPerSystem,
      maxBytesPerSystem: config.backupMaxSizePerSystem,
      maxBytesPerOrganization: config.backupMaxSizePerOrg,
      perMinute: config.backupRateLimitPerMinute,
      perHour: config.backupRateLimitPerHour,
      lockDays: config.backupLockDays,
    },
    verifyDays: config.backupVerifyDays,
    spoolDirectory: join(config.dataDir, "spool"),
  });
  const compliance = openCompliance({
    database,
    clock,
    policy: rulesInForce.policy,
    restate: inventory.restate,
    changeResolvesAfterDays: () => rulesInForce.ruleSet().critical_change.resolve_after_days,
    findings,
  });
  const overview = openOverview({
    clock,
    queue,
    countSystems: () => systems.api.count(MUSTER),
    inventory: inventory.reader,
    findings: findings.api,
  });
  const queues = openQueues({
    queue,
    body,
    clock,
    maxWaitMs: config.queueMaxWait,
    showSystem,
  });
  return {
    reader: body,
    operators,
    systems,
    organizations,
    inventory,
    noise,
    search,
    applications,
    backups,
    alerts,
    heartbeats,
    /** In the order they start; they stop in the same. */
    all: [
      systems,
      organizations,
      alerts,
      reachability,
      heartbeats,
      noise,
      inventory,
      facts,
      search,
      changes,
      applications,
      findings,
      compliance,
      backups,
      overview,
      queues,
    ] satisfies Domain[] as Domain[],
  };
}
