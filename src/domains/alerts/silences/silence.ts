// Rebuilds a posted silence from its known fields, so that it covers the posting system alone.
import { shown } from "../../../values/shown.ts";
import { isRecord } from "../../../values/json/record.ts";
import { storable } from "../../../values/text/storable.ts";
import { malformed } from "../malformed.ts";
import { SCOPE } from "../labels/scope.ts";
import { readAlertTime } from "../upstream/times.ts";

export interface Matcher {
  name: string;
  value: string;
  isRegex: boolean;
  isEqual: boolean;
}

export interface PostedSilence {
  /** Of an existing silence to change. */
  id?: string;
  matchers: Matcher[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
}

const MAX_MATCHERS = 100;
const MAX_TEXT = 4_096;
export const SILENCE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Matchers on the system key are replaced by one that is exact. A Failure 400 names the fault. */
export function readSilence(given: unknown, systemKey: string): PostedSilence {
  if (!isRecord(given)) throw malformed(`it must be an object, got ${shown(given)}`);
  const { id, matchers, createdBy, comment } = given;
  if (!Array.isArray(matchers) || matchers.length === 0)
    throw malformed(`matchers must be an array with at least one matcher, got ${shown(matchers)}`);
  if (matchers.length > MAX_MATCHERS) throw malformed(`matchers holds ${matchers.length}, more than ${MAX_MATCHERS}`);
  if (id !== undefined && id !== null && id !== "" && !(typeof id === "string" && SILENCE_ID.test(id)))
    throw malformed(`id must be a UUID, got ${shown(id)}`);
  const read = matchers.map(readMatcher).filter(({ name }) => name !== SCOPE);
  return {
    ...(typeof id === "string" && id !== "" && { id: id.toLowerCase() }),
    matchers: [...read, { name: SCOPE, value: systemKey, isRegex: false, isEqual: true }],
    startsAt: readRequiredTime("startsAt", given["startsAt"]),
    endsAt: readRequiredTime("endsAt", given["endsAt"]),
    createdBy: readOptionalText("createdBy", createdBy),
    comment: readOptionalText("comment", comment),
  };
}

function readMatcher(given: unknown, index: number): Matcher {
  const at = `matchers[${index}]`;
  if (!isRecord(given)) throw malformed(`${at} must be an object, got ${shown(given)}`);
  const { name, value, isRegex, isEqual = true } = given;
  if (typeof name !== "string" || !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name))
    throw malformed(`${at}.name must be a label's name, got ${shown(name)}`);
  if (typeof value !== "string" || value.length > MAX_TEXT)
    throw malformed(`${at}.value must be a string of at most ${MAX_TEXT} characters, got ${shown(value)}`);
  if (isRegex !== undefined && typeof isRegex !== "boolean")
    throw malformed(`${at}.isRegex must be true or false, got ${shown(isRegex)}`);
  if (typeof isEqual !== "boolean") throw malformed(`${at}.isEqual must be true or false, got ${shown(isEqual)}`);
  return { name, value: storable(value), isRegex: isRegex === true, isEqual };
}

function readRequiredTime(name: string, given: unknown): string {
  const time = readAlertTime(given);
  if (time) return time;
  throw malformed(`${name} must be a date and time, got ${shown(given)}`);
}

function readOptionalText(name: string, given: unknown): string {
  if (given === undefined || given === null) return "";
  if (typeof given === "string" && given.length <= MAX_TEXT) return storable(given);
  throw malformed(`${name} must be a string of at most ${MAX_TEXT} characters, got ${shown(given)}`);
}
