// What Alertmanager tells of alerts that are over, kept once each however often it is told.
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import { JsonFault, parseJson } from "../../../values/json/parse.ts";
import { shown } from "../../../values/shown.ts";
import { insertPast } from "./store.ts";
import type { PastRow } from "./store.ts";
import { isRecord, readText } from "../receive/payload.ts";
import { readAlertTime } from "../times.ts";

export const MAX_ALERTS = 1_000;
/** An organization's id has no more characters; an index holds it. */
const MAX_ID_LENGTH = 255;

/** 503 while no secret is set, 401 for another one; compared without telling how much of it was right. */
export function authorizeWebhook(header: string | null, secret: string | undefined): void {
  if (secret === undefined) throw new Failure("alerts.webhook_unset", 503, "webhook authentication not configured");
  const given = header?.startsWith("Bearer ") ? header.slice(7) : "";
  if (given !== "" && timingSafeEqual(digest(given), digest(secret))) return;
  throw new Failure("auth.refused", 401, "authentication required", {
    headers: { "www-authenticate": 'Bearer realm="Muster"' },
  });
}

const digest = (text: string) => createHash("sha256").update(text).digest();

/** Reads the webhook's body (version 4) and keeps what is resolved and is of a system we know, in one statement. */
export async function keepHistory(db: Queryable, clock: Clock, body: Uint8Array): Promise<void> {
  const { receiver, alerts } = readWebhook(body);
  const rows = alerts.map((alert, index) => readPast(alert, index, receiver)).filter((row) => row !== undefined);
  if (rows.length > 0) await insertPast(db, rows, clock.now());
}

const malformed = (reason: string) => new Failure("alerts.malformed", 400, `invalid request body: ${reason}`);

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
  return { receiver: typeof receiver === "string" && receiver !== "" ? readText(receiver) : null, alerts };
}

/** Undefined for what is not kept: still firing, or of nobody. */
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
  // Of a site only Muster tells: whatever a system posts carries its key.
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
      typeof fingerprint === "string" && fingerprint !== "" ? readText(fingerprint.slice(0, 255)) : hashed(labels),
    startsAt,
    endsAt: endsAt ?? null,
    summary: annotations["summary"] || annotations["summary_en"] || annotations["summary_it"] || null,
    labels,
    annotations,
    receiver,
  };
}

/** Texts of an object; whatever else it holds says nothing. */
function readTexts(given: unknown): Record<string, string> {
  if (!isRecord(given)) return {};
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      typeof value === "string" ? [[readText(name), readText(value)]] : [],
    ),
  );
}

const hashed = (labels: Record<string, string>) =>
  digest(JSON.stringify(Object.entries(labels).sort(([left], [right]) => (left < right ? -1 : 1))))
    .toString("hex")
    .slice(0, 16);
