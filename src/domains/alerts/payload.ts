// What a sender posts, read by known fields only and made again from them: nothing of a request is passed through.
import { shown } from "../../values/shown.ts";
import { ArrayFault, malformed, parseArray, readArray } from "./array.ts";
import { isAfter, readAlertTime } from "./times.ts";

/** An alert as Alertmanager takes it. */
export interface PostedAlert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  /** Absent: until Alertmanager's own resolve_timeout. */
  endsAt?: string;
  generatorURL?: string;
}

export interface ReadAlerts {
  alerts: PostedAlert[];
  /** Of those that were left out: "alerts[3].labels must …". At most ten, and how many more. */
  faults: string[];
}

export const MAX_ALERTS = 10_000;
const MAX_ALERT_BYTES = 256 * 1024;
/** What is parsed in one go, in a fraction of a millisecond. */
const SMALL_BYTES = 64 * 1024;
const MAX_FAULTS = 10;
/** Alerts looked at in one turn of the event loop. */
const ALERTS_PER_TURN = 500;

/**
 * A body that is no JSON array of at most 10,000 elements is a Failure 400. As with Alertmanager, alerts that are not in order
 * are named and left out, and the others are kept.
 */
export async function readAlerts(body: Uint8Array, receivedAt: Date): Promise<ReadAlerts> {
  const alerts: PostedAlert[] = [];
  const faults: string[] = [];
  let count = 0;
  const take = (element: unknown) => {
    if (count >= MAX_ALERTS) throw malformed(`more than ${MAX_ALERTS} alerts`);
    const read = readAlert(element, receivedAt);
    if (typeof read !== "string") alerts.push(read);
    else if (faults.length < MAX_FAULTS) faults.push(`alerts[${count}]${read}`);
    count += 1;
  };
  try {
    if (body.byteLength <= SMALL_BYTES) parseArray(body).forEach(take);
    else
      for await (const element of readArray([body], { elementBytes: MAX_ALERT_BYTES })) {
        take(element);
        if (count % ALERTS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      }
  } catch (error) {
    if (error instanceof ArrayFault) throw malformed(`not a JSON array of alerts: ${error.message}`);
    throw error;
  }
  const unnamed = count - alerts.length - faults.length;
  return { alerts, faults: unnamed > 0 ? [...faults, `and ${unnamed} more`] : faults };
}

/** An alert, or what is wrong with it. */
function readAlert(element: unknown, receivedAt: Date): PostedAlert | string {
  if (!isRecord(element)) return ` must be an object, got ${shown(element)}`;
  const labels = readLabels(element["labels"]);
  if (typeof labels === "string") return labels;
  const annotations = readAnnotations(element["annotations"]);
  if (typeof annotations === "string") return annotations;
  const startsAt = readAlertTime(element["startsAt"]);
  if (startsAt === null) return `.startsAt must be a date and time, got ${shown(element["startsAt"])}`;
  const endsAt = readAlertTime(element["endsAt"]);
  if (endsAt === null) return `.endsAt must be a date and time, got ${shown(element["endsAt"])}`;
  if (startsAt && endsAt && isAfter(startsAt, endsAt)) return `.startsAt is after its endsAt`;
  const generatorURL = element["generatorURL"];
  return {
    labels,
    annotations,
    // Told here, because it may reach Alertmanager later. One that is over began no later than it ended.
    startsAt: startsAt ?? (endsAt && Date.parse(endsAt) < receivedAt.getTime() ? endsAt : receivedAt.toISOString()),
    ...(endsAt && { endsAt }),
    ...(typeof generatorURL === "string" && URL_FORM.test(generatorURL) && { generatorURL }),
  };
}

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** A link that Alertmanager would refuse costs the alert its link, not its ringing. */
const URL_FORM = /^(https?:\/\/|\/)[\x21-\x7e]{0,2048}$/;

function readLabels(given: unknown): Record<string, string> | string {
  if (!isRecord(given)) return `.labels must be an object, got ${shown(given)}`;
  const entries: [string, string][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (!LABEL_NAME.test(name)) return `.labels has the name ${shown(name)}, which must be letters, digits and _`;
    if (typeof value !== "string") return `.labels.${name.slice(0, 80)} must be a string, got ${shown(value)}`;
    if (value !== "") entries.push([name, readText(value)]);
  }
  return entries.length > 0 ? Object.fromEntries(entries) : `.labels must hold a label, got ${shown(given)}`;
}

function readAnnotations(given: unknown): Record<string, string> | string {
  if (given === undefined || given === null) return {};
  if (!isRecord(given)) return `.annotations must be an object, got ${shown(given)}`;
  const entries: [string, string][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (!LABEL_NAME.test(name)) return `.annotations has the name ${shown(name)}, which must be letters, digits and _`;
    if (value === null) continue;
    // Alertmanager would refuse what is no text; the value as it is written says the same.
    entries.push([name, readText(typeof value === "string" ? value : JSON.stringify(value))]);
  }
  return Object.fromEntries(entries);
}

/** PostgreSQL takes neither U+0000 nor half a surrogate pair, and neither belongs into an alert. */
export const readText = (given: string): string =>
  given.isWellFormed() && !given.includes("\0") ? given : given.replaceAll("\0", "\ufffd").toWellFormed();

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
