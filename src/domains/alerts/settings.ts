// Declares the settings of alerts: Alertmanager, budgets of systems, limits of silences, and history.
import { duration, integer, longSecret, oneOf, optional, setting, size, url } from "../../config/setting.ts";
import type { ValuesOf } from "../../config/setting.ts";
import { DAY_MS } from "../../values/time.ts";

const TEN_YEARS_MS = 3_650 * DAY_MS;

export const settings = {
  url: setting(
    "MIMIR_URL",
    "Grafana Mimir or Alertmanager, up to /alertmanager (or to /api/v2). Empty: alert endpoints answer 503.",
    "",
    optional(url("http:", "https:")),
    true,
  ),
  forward: setting(
    "ALERTS_FORWARD",
    "queue: alerts are stored, then delivered; direct: the sender waits for Alertmanager's own answer.",
    "queue",
    oneOf(["queue", "direct"] as const),
  ),
  ratePerMinute: setting(
    "ALERTS_RATE_PER_MINUTE",
    "Posts of alerts per minute and system, each 200 alerts of a post counting as one; also its changes of silences.",
    "300",
    integer(1, 1_000_000),
  ),
  silencesPerSystem: setting(
    "SILENCES_PER_SYSTEM",
    "Silences one system may have pending or active; ten times as many with those that ended in the last 5 days.",
    "50",
    integer(1, 100_000),
  ),
  silencesPerOrganization: setting(
    "SILENCES_PER_ORGANIZATION",
    "The same for all systems of an organization together.",
    "1000",
    integer(1, 1_000_000),
  ),
  silenceMaxBytes: setting("SILENCE_MAX_SIZE", "Largest silence of a system, as JSON.", "4KB", size(512, 64 * 1024)),
  silenceMaxMs: setting(
    "SILENCE_MAX_DURATION",
    "How far from now a silence of a system may end.",
    "31d",
    duration(60_000, TEN_YEARS_MS),
  ),
  linkFailedSilenceMaxMs: setting(
    "LINKFAILED_SILENCE_MAX_DURATION",
    "The same for a silence that covers LinkFailed, which must fire when the system is gone for good.",
    "24h",
    duration(60_000, TEN_YEARS_MS),
  ),
  webhookSecret: setting(
    "ALERTING_HISTORY_WEBHOOK_SECRET",
    "Bearer token of Alertmanager's webhook to /api/alert_history, 32 characters or more. Empty: refused.",
    "",
    optional(longSecret),
    true,
  ),
  historyDays: setting("ALERT_HISTORY_DAYS", "How long resolved alerts are kept.", "183", integer(1, 36_500)),
};
export type AlertsSettings = ValuesOf<typeof settings>;
