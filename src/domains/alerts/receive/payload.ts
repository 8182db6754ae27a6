// Rebuilds posted alerts from their known fields: nothing else of a request is passed on.
import { counted } from "../../../values/count.ts";
import { shown } from "../../../values/shown.ts";
import { ArrayFault, parseArray, readArray } from "../../../values/json/array.ts";
import { isRecord } from "../../../values/json/record.ts";
import { storable } from "../../../values/text/storable.ts";
import { malformed } from "../malformed.ts";
import type { PostedAlert } from "../upstream/alertmanager.ts";
import { isLink } from "./links.ts";
import { isAfter, readAlertTime } from "../upstream/times.ts";

interface ReadAlerts {
  alerts: PostedAlert[];
  /** Of alerts that were left out: "alerts[3].labels must …". At most ten, then how many more alerts have faults. */
  faults: string[];
}

const MAX_ALERTS = 10_000;
const MAX_ALERT_BYTES = 256 * 1024;
/** Parsed at once, in a fraction of a millisecond. */
const SMALL_BYTES = 64 * 1024;
const MAX_FAULTS = 10;
/** Alerts read in one turn of the event loop. */
const ALERTS_PER_TURN = 500;

/**
 * A body that is not a JSON array of at most 10,000 elements is a Failure 400. As with Alertmanager, invalid alerts are named and
 * left out, and the others are taken.
 */
export async function readAlerts(body: Uint8Array, receivedAt: Date): Promise<ReadAlerts> {
  const alerts: PostedAlert[] = [];
  const faults: string[] = [];
  let count = 0;
  let named = 0;
  const take = (element: unknown) => {
    if (count >= MAX_ALERTS) throw malformed(`more than ${MAX_ALERTS} alerts`);
    const read = readAlert(element, receivedAt);
    if (!Array.isArray(read)) alerts.push(read);
    else if (faults.length < MAX_FAULTS) {
      named += 1;
      faults.push(...read.slice(0, MAX_FAULTS - faults.length).map((fault) => `alerts[${count}]${fault}`));
    }
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
  const unnamed = count - alerts.length - named;
  return { alerts, faults: unnamed > 0 ? [...faults, `and ${counted(unnamed, "more alert")}`] : faults };
}

/** An alert, or its faults, by Alertmanager's own rules: an alert that is taken here is not refused there. */
function readAlert(element: unknown, receivedAt: Date): PostedAlert | string[] {
  if (!isRecord(element)) return [` must be an object, got ${shown(element)}`];
  const faults: string[] = [];
  const labels = readLabels(element["labels"], faults);
  const annotations = readAnnotations(element["annotations"], faults);
  const readTime = (field: "startsAt" | "endsAt") => {
    const time = readAlertTime(element[field]);
    if (time === null) faults.push(`.${field} must be a date and time, got ${shown(element[field])}`);
    return time ?? undefined;
  };
  const [startsAt, endsAt] = [readTime("startsAt"), readTime("endsAt")];
  if (startsAt && endsAt && isAfter(startsAt, endsAt))
    faults.push(`.startsAt is after its endsAt ${shown(element["endsAt"])}, got ${shown(element["startsAt"])}`);
  const generatorURL = element["generatorURL"] ?? "";
  if (typeof generatorURL !== "string" || (generatorURL !== "" && !isLink(generatorURL)))
    faults.push(`.generatorURL must be an absolute URL or path, got ${shown(generatorURL)}`);
  if (faults.length > 0) return faults;
  return {
    labels,
    annotations,
    startsAt: startOf(startsAt, endsAt, receivedAt),
    ...(endsAt && { endsAt }),
    ...(typeof generatorURL === "string" && generatorURL !== "" && { generatorURL: storable(generatorURL) }),
  };
}

/** Set on arrival, because the alert may reach Alertmanager later. A resolved alert starts no later than it ends. */
function startOf(startsAt: string | undefined, endsAt: string | undefined, receivedAt: Date): string {
  if (startsAt && endsAt) return startsAt;
  const now = receivedAt.getTime();
  if (endsAt) return Date.parse(endsAt) < now ? endsAt : receivedAt.toISOString();
  // Alertmanager refuses an alert that ends before it starts: with a clock that is ahead the alert loses its start, and still fires.
  return startsAt && Date.parse(startsAt) <= now + RESOLVE_TIMEOUT_MS ? startsAt : receivedAt.toISOString();
}

/** After which Alertmanager ends an alert that has no end, unless it is configured otherwise. */
const RESOLVE_TIMEOUT_MS = 300_000;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** A label without a value does not count, whatever its name. */
function readLabels(given: unknown, faults: string[]): Record<string, string> {
  const entries: [string, string][] = [];
  const before = faults.length;
  if (!isRecord(given)) faults.push(`.labels must be an object, got ${shown(given)}`);
  else
    for (const [name, value] of Object.entries(given)) {
      if (value === "" || value === null) continue;
      if (typeof value !== "string") faults.push(`.labels.${name.slice(0, 80)} must be a string, got ${shown(value)}`);
      else if (LABEL_NAME.test(name)) entries.push([name, storable(value)]);
      else faults.push(`.labels has the name ${shown(name)}, which must be letters, digits and _, got ${shown(value)}`);
    }
  if (entries.length === 0 && faults.length === before) faults.push(`.labels must hold a label, got ${shown(given)}`);
  return Object.fromEntries(entries);
}

function readAnnotations(given: unknown, faults: string[]): Record<string, string> {
  if (given === undefined || given === null) return {};
  const entries: [string, string][] = [];
  if (!isRecord(given)) faults.push(`.annotations must be an object, got ${shown(given)}`);
  else
    for (const [name, value] of Object.entries(given)) {
      if (!LABEL_NAME.test(name))
        faults.push(`.annotations has the name ${shown(name)}, which must be letters, digits and _`);
      // Alertmanager refuses values that are not strings; their JSON text says the same.
      else if (value !== null)
        entries.push([name, storable(typeof value === "string" ? value : JSON.stringify(value))]);
    }
  return Object.fromEntries(entries);
}
