// Stores resolved alerts that Alertmanager's webhook reports, once each however often it reports them.
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import { JsonFault, parseJson } from "../../../values/json/parse.ts";
import { shown } from "../../../values/shown.ts";
import { insertPast } from "./store.ts";
import type { PastRow } from "./store.ts";
import { isRecord } from "../../../values/json/record.ts";
import { storable } from "../../../values/text/storable.ts";
import { malformed } from "../malformed.ts";
import { readAlertTime } from "../upstream/times.ts";

const MAX_ALERTS = 1_000;
/** Characters of an organization's id: it is part of an index. */
const MAX_ID_LENGTH = 255;

/** 503 while no secret is set, 401 for a wrong one; compared in constant time. */
export function authorizeWebhook(header: string | null, secret: string | undefined): void {
  if (secret === undefined) throw new Failure("alerts.webhook_unset", 503, "webhook authentication not configured");
  const given = header?.startsWith("Bearer ") ? header.slice(7) : "";
  if (given !== "" && timingSafeEqual(digest(given), digest(secret))) return;
  throw new Failure("auth.refused", 401, "authentication required", {
    headers: { "www-authenticate": 'Bearer realm="Muster"' },
  });
}

const digest = (text: string) => createHash("sha256").update(text).digest();

/** Reads the webhook's body (version 4) and stores the resolved alerts of known systems, in one statement. */
export async function storeHistory(db: Queryable, clock: Clock, body: Uint8Array): Promise<void> {
  const { receiver, alerts } = readWebhook(body);
  const rows = alerts.map((alert, index) => readPast(alert, index, receiver)).filter((row) => row !== undefined);
  if (rows.length > 0) await insertPast(db, rows, clock.now());
}

function readWebhook(body: Uint8Array): { receiver: string | null; alerts: unknown[] } {
  let given: unknown;
  try {
    given = parseJson(body);
  } catch (error) {
    throw error instanceof JsonFault ? malformed(`not JSON: ${error.message}`) : error;
  }
  if (!isRecord(given)) throw malformed(`it must be an object, got ${shown(given)}`);
  const { alerts = [], receiver } = given;
  if (!Array.isArray(alerts)) throw malformed(`alerts must be an array, got ${shown(alerts)}`);
  if (alerts.length > MAX_ALERTS)
    throw new Failure("alerts.too_many", 413, "too many alerts in payload", { data: { most: MAX_ALERTS } });
  return { receiver: typeof receiver === "string" && receiver !== "" ? storable(receiver) : null, alerts };
}

/** Undefined for an alert that is not stored: it still fires, or has no system. */
function readPast(given: unknown, index: number, receiver: string | null): PastRow | undefined {
  if (!isRecord(given)) throw malformed(`alerts[${index}] must be an object, got ${shown(given)}`);
  const startsAt = readAlertTime(given["startsAt"]);
  const endsAt = readAlertTime(given["endsAt"]);
  if (startsAt === null)
    throw malformed(`alerts[${index}].startsAt must be a date and time, got ${shown(given["startsAt"])}`);
  if (endsAt === null)
    throw malformed(`alerts[${index}].endsAt must be a date and time, got ${shown(given["endsAt"])}`);
  const labels = readTexts(given["labels"]);
  const annotations = readTexts(given["annotations"]);
  const { system_key: systemKey, organization_id: organizationId, alertname = "" } = labels;
  // Only Muster fires it, without a system: every alert that a system posts carries its key.
  const isSite =
    alertname === "SiteUnreachable" &&
    systemKey === undefined &&
    organizationId !== undefined &&
    organizationId.length <= MAX_ID_LENGTH;
  const isResolved = typeof given["status"] === "string" && given["status"].toLowerCase() === "resolved";
  if (!isResolved || startsAt === undefined || !(systemKey || isSite)) return undefined;
  const { fingerprint } = given;
  return {
    id: randomUUID(),
    systemKey: systemKey ?? null,
    organizationId: isSite ? (organizationId ?? null) : null,
    alertname,
    severity: labels["severity"] ?? null,
    status: "resolved",
    fingerprint:
      typeof fingerprint === "string" && fingerprint !== "" ? storable(fingerprint.slice(0, 255)) : hashed(labels),
    startsAt,
    endsAt: endsAt ?? null,
    summary: annotations["summary"] || annotations["summary_en"] || annotations["summary_it"] || null,
    labels,
    annotations,
    receiver,
  };
}

/** Strings of an object; other values are ignored. */
function readTexts(given: unknown): Record<string, string> {
  if (!isRecord(given)) return {};
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      typeof value === "string" ? [[storable(name), storable(value)]] : [],
    ),
  );
}

const hashed = (labels: Record<string, string>) =>
  digest(JSON.stringify(Object.entries(labels).sort(([left], [right]) => (left < right ? -1 : 1))))
    .toString("hex")
    .slice(0, 16);
