// Separates appliances by the label `system_key`: each one sees only alerts and silences that carry its own key.
import type { AuthenticatedSystem } from "../../systems/index.ts";
import { isRecord } from "../../../values/json/record.ts";
import { malformed } from "../malformed.ts";

/** One appliance's call. */
export interface Caller {
  system: AuthenticatedSystem;
  /** Aborted when its connection ends. */
  signal: AbortSignal;
}

/** The label that separates appliances. */
export const SCOPE = "system_key";

/** A `filter` of Alertmanager that only this system passes. Keys hold no quotes; escaped all the same. */
export const scopeFilter = (systemKey: string) => `${SCOPE}="${systemKey.replace(/[\\"]/g, "\\$&")}"`;

export const isAlertOf = (alert: unknown, systemKey: string): alert is Record<string, unknown> =>
  isRecord(alert) && isRecord(alert["labels"]) && alert["labels"][SCOPE] === systemKey;

/** Only an exact matcher on the key counts: a pattern that matches this key may match others too. */
export function isSilenceOf(silence: unknown, systemKey: string): silence is Record<string, unknown> {
  if (!isRecord(silence) || !Array.isArray(silence["matchers"])) return false;
  return silence["matchers"].some(
    (one: unknown) =>
      isRecord(one) &&
      one["name"] === SCOPE &&
      one["value"] === systemKey &&
      one["isRegex"] !== true &&
      one["isEqual"] !== false,
  );
}

const MAX_FILTERS = 50;
const MAX_FILTER_CHARACTERS = 4_096;

/** Known parameters alone, read and written anew, and the system's own filter: Alertmanager requires every filter to match. */
export function scopeQuery(query: URLSearchParams, names: readonly string[], systemKey: string): URLSearchParams {
  const asked = new URLSearchParams();
  for (const name of names) {
    const value = query.get(name);
    if (value === null || value === "") continue;
    if (name !== "receiver" && value !== "true" && value !== "false")
      throw malformed(`${name} must be true or false, got ${JSON.stringify(value.slice(0, 80))}`);
    asked.append(name, value.slice(0, MAX_FILTER_CHARACTERS));
  }
  const filters = query.getAll("filter");
  if (filters.length > MAX_FILTERS) throw malformed(`more than ${MAX_FILTERS} filters`);
  for (const filter of filters) {
    if (filter.length > MAX_FILTER_CHARACTERS)
      throw malformed(`a filter longer than ${MAX_FILTER_CHARACTERS} characters`);
    asked.append("filter", filter);
  }
  asked.append("filter", scopeFilter(systemKey));
  return asked;
}
