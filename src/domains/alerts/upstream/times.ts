// Reads the dates and times of alerts and silences as Alertmanager does: RFC 3339, and shorter forms in UTC.
import { DAY_MS, compareInstants, printInstant, readInstant } from "../../../values/time.ts";
import type { Instant } from "../../../values/time.ts";

/** A date, T or a blank, an hour of one or two digits, minutes; seconds and an offset may be missing, a comma may be the point. */
const FORM = /^(\d{4}-\d\d-\d\d)([Tt ])(\d{1,2}):(\d\d)(:\d\d)?(?:[.,](\d{1,30}))?([Zz]|[+-]\d\d:\d\d)?$/;
/** Go's zero time, which it writes to the minute of an offset that has seconds: in zones west of Greenwich it is of the year 0. */
const ZERO_MS = Date.parse("0001-01-01T00:00:00Z");

/** In UTC. Undefined for no time and for Go's zero time, null for anything that is not a time. */
export function readAlertTime(given: unknown): string | undefined | null {
  if (given === undefined || given === null || given === "") return undefined;
  const instant = typeof given === "string" ? readForm(given) : undefined;
  if (!instant) return null;
  return Math.abs(instant.ms - ZERO_MS) < DAY_MS ? undefined : (printInstant(instant) ?? null);
}

function readForm(text: string): Instant | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const [, day = "", separator = "", hour = "", minute = "", seconds = "", fraction = "", zone = ""] = match;
  // With a blank there is nothing behind the seconds; without seconds there is no fraction and no offset.
  if (separator === " " && (seconds === "" || zone !== "")) return undefined;
  if (seconds === "" && (fraction !== "" || zone.length > 1)) return undefined;
  return readInstant(
    `${day}T${hour.padStart(2, "0")}:${minute}${seconds}${fraction && `.${fraction}`}${zone === "" ? "Z" : zone}`,
  );
}

/** Of two times that `readAlertTime` returned. */
export function isAfter(left: string, right: string): boolean {
  const [one, other] = [readInstant(left), readInstant(right)];
  return one !== undefined && other !== undefined && compareInstants(one, other) > 0;
}
