// Assembles the domain of alerts: each appliance sees and silences only its own, and what it posts is stored until Alertmanager has it.
import { Gauge } from "prom-client";
import type { Domain, DomainWith, Note } from "../../domain.ts";
import { Failure } from "../../errors.ts";
import type { BodyReader } from "../../http/edge/body.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Limiter } from "../../ports/limiter.ts";
import type { Queue } from "../../ports/queue.ts";
import { counted } from "../../values/count.ts";
import { MUSTER } from "../../values/actor.ts";
import type { Systems } from "../systems/index.ts";
import { openAcceptance } from "./receive/accept.ts";
import { adminRoutes } from "./admin.ts";
import { openAlertmanager } from "./upstream/alertmanager.ts";
import { deliver, deliverApart, deliveryPush, suspectPush } from "./outbox/deliver.ts";
import { authorizeWebhook, keepHistory } from "./history/webhook.ts";
import { bringPast, prunePast } from "./history/store.ts";
import type { FormerAlert } from "./history/store.ts";
import { findIdentities } from "./labels/identities.ts";
import type { Identity } from "./labels/labels.ts";
import { listWaitingSuspects, listWaitingTenants, measureOutbox, pruneOutbox } from "./outbox/store.ts";
import { openPositions } from "./outbox/positions.ts";
import { openProxy } from "./proxy.ts";
import { applianceRoutes } from "./routes.ts";
import { DELIVERY_QUEUE, NET_QUEUE, PRUNE_QUEUE, SUSPECT_QUEUE, TOTALS_QUEUE } from "./schema.ts";
import { openSource } from "./source.ts";
import type { AlertSource } from "./source.ts";
import type { AlertsSettings } from "./settings.ts";
import { pruneSilences } from "./silences/store.ts";
import { refreshTotals } from "./totals.ts";

export { settings } from "./settings.ts";
export { askAlertmanager } from "./upstream/alertmanager.ts";
export type { FormerAlert };
export type { AlertSource, OwnAlert } from "./source.ts";

export interface AlertsDeps {
  database: Database;
  queue: Queue;
  clock: Clock;
  limiter: Limiter;
  body: BodyReader;
  /** Rejects with a 503 while the queue holds more than it may. */
  admit(): Promise<void>;
  warn: Note;
  maxBodyBytes: number;
  settings: AlertsSettings;
  api: { systems: Pick<Systems, "authenticate" | "show"> };
}

export interface Alerts {
  /** Takes alerts that Muster fires itself; undefined without an Alertmanager. */
  source: AlertSource | undefined;
  /** Alerts that were over before Muster came. Returns how many were new. */
  bring(rows: FormerAlert[], dryRun: boolean): Promise<number>;
}

const DAY_MS = 86_400_000;
const PRUNED_AT_ONCE = 5_000;
/** As many alerts of one request count as one post. */
const ALERTS_PER_POST = 200;
/** What waits for longer than this is told at /ready. */
const LATE_MS = 120_000;

export function open({ settings, api, ...deps }: AlertsDeps): DomainWith<Alerts> {
  const { database, queue, clock, limiter, warn } = deps;
  const { url } = settings;
  const positions = openPositions(clock);
  const upstream = url === undefined ? undefined : openAlertmanager({ url, clock });
  const acceptance = openAcceptance({ database, queue, clock, positions, warn });

  const identityOf = async (systemId: string): Promise<Identity> => {
    const identity = (await findIdentities(database, [systemId])).get(systemId);
    if (identity) return identity;
    throw new Failure("auth.refused", 401, "unauthorized");
  };
  const unset = () => new Failure("alerts.unset", 503, "Alertmanager is not configured: MIMIR_URL is not set.");
  const throttle = async (kind: "alerts" | "silences", systemId: string) => {
    const waitSeconds = await limiter.take(`${kind}:${systemId}`, { limit: settings.ratePerMinute, windowMs: 60_000 });
    if (waitSeconds > 0)
      throw new Failure("alerts.throttled", 429, `too many posts of ${kind} from this system`, {
        retryAfterSeconds: Math.min(waitSeconds, 5),
      });
  };
  const admit = async (systemId: string) => {
    await throttle("alerts", systemId);
    await deps.admit();
  };
  /** Others' alerts wait behind these: a post of thousands counts as many. */
  const charge = async (systemId: string, alerts: number) => {
    for (let more = Math.ceil(alerts / ALERTS_PER_POST); more > 1; more -= 1) await throttle("alerts", systemId);
  };

  const proxy =
    upstream &&
    openProxy({
      database,
      limits: {
        perSystem: settings.silencesPerSystem,
        perOrganization: settings.silencesPerOrganization,
        maxBytes: settings.silenceMaxBytes,
        maxAheadMs: settings.silenceMaxMs,
        maxLinkFailedMs: settings.linkFailedSilenceMaxMs,
      },
      alertmanager: upstream,
      acceptance,
      isDirect: settings.forward === "direct",
      charge,
      identityOf,
      now: clock.now,
      warn,
    });

  const prune = async () => {
    const settled = new Date(clock.now().getTime() - DAY_MS);
    while ((await pruneOutbox(database, settled, PRUNED_AT_ONCE)) === PRUNED_AT_ONCE);
    while ((await pruneSilences(database, clock.now(), PRUNED_AT_ONCE)) === PRUNED_AT_ONCE);
    const before = new Date(clock.now().getTime() - settings.historyDays * DAY_MS);
    while ((await prunePast(database, before, PRUNED_AT_ONCE)) === PRUNED_AT_ONCE);
  };

  // Extended while they work; what a killed process held comes back this soon.
  const one = { batch: 1, batchBytes: 1024 ** 2, concurrency: 1, leaseMs: 15_000 };
  const jobs: Domain["jobs"] = upstream && [
    acceptance.handler,
    {
      ...one,
      queue: DELIVERY_QUEUE,
      concurrency: 4,
      handle: async ([job]) => [job ? await deliver({ database, alertmanager: upstream, warn }, job) : []],
    },
    {
      ...one,
      queue: SUSPECT_QUEUE,
      concurrency: 2,
      handle: async ([job]) => [job ? await deliverApart({ database, alertmanager: upstream, warn }, job) : []],
    },
    {
      ...one,
      queue: NET_QUEUE,
      async handle() {
        // A dead job would hold its key for ever, and everything behind it would wait.
        for (const name of [DELIVERY_QUEUE, SUSPECT_QUEUE]) await queue.redrive(name);
        return [
          [
            ...(await listWaitingTenants(database)).map((tenant) => deliveryPush(tenant)),
            ...(await listWaitingSuspects(database)).map((suspect) => suspectPush(suspect)),
          ],
        ];
      },
    },
    { ...one, queue: TOTALS_QUEUE, handle: () => refreshTotals({ database, alertmanager: upstream, clock, warn }) },
    { ...one, queue: PRUNE_QUEUE, handle: prune },
  ];

  return {
    applianceRoutes: applianceRoutes({
      authenticate: api.systems.authenticate,
      body: deps.body,
      proxy() {
        if (proxy) return proxy;
        throw unset();
      },
      admit,
      admitSilence: (systemId) => throttle("silences", systemId),
      maxBytes: deps.maxBodyBytes,
      authorizeWebhook: (header) => authorizeWebhook(header, settings.webhookSecret),
      keepHistory: (body) => keepHistory(database, clock, body),
    }),
    adminRoutes: adminRoutes({
      database,
      clock,
      showSystem: (keyOrId) => api.systems.show(MUSTER, keyOrId),
      alertmanager() {
        if (upstream) return upstream;
        throw unset();
      },
    }),
    jobs: jobs ?? [{ ...one, queue: PRUNE_QUEUE, handle: prune }],
    schedules: [
      { name: "alert-prune", cron: "29 * * * *", queue: PRUNE_QUEUE },
      ...(upstream
        ? [
            { name: "alert-net", cron: "* * * * *", queue: NET_QUEUE },
            { name: "alert-totals", cron: "* * * * *", queue: TOTALS_QUEUE },
          ]
        : []),
    ],
    checks: upstream && [
      {
        name: "alerts",
        async run() {
          const { waiting, oldest } = await measureOutbox(database);
          const isLate = oldest !== null && clock.now().getTime() - oldest.getTime() > LATE_MS;
          return isLate
            ? `${counted(waiting, "alert waits", "alerts wait")} for Alertmanager, the oldest since ${oldest.toISOString()}.`
            : undefined;
        },
      },
    ],
    metrics(registry) {
      new Gauge({
        name: "muster_alerts_waiting",
        help: "Alerts that Alertmanager does not have yet.",
        registers: [registry],
        async collect() {
          // A scrape while the database is away shows the rest.
          const outbox = await measureOutbox(database).catch(() => undefined);
          if (outbox) this.set(outbox.waiting);
        },
      });
    },
    api: {
      bring: (rows, dryRun) => bringPast(deps.database, rows, dryRun),
      source: upstream && openSource({ clock, positions }),
    },
    stop: () => acceptance.close(),
  };
}
