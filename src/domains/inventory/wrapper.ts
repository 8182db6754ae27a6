// Takes a document out of the wrapper that some senders put around it.
import { isObject, type JsonObject, type JsonValue } from "./json.ts";

export interface Unwrapped {
  document: JsonObject;
  /** When the device says it made the document; undefined without a wrapper, and for what is no time. */
  deviceTime: Date | undefined;
  /** Members of the wrapper itself. */
  members: number;
}

/**
 * A wrapper has exactly the members `system_id` and `timestamp`, which are texts, and `data`, which is an object. Anything else
 * is a document as it stands, so that no sender's own `data` is ever taken for one.
 */
export function unwrap(value: JsonObject): Unwrapped {
  const { system_id: systemId, timestamp, data } = value;
  const isWrapper = Object.keys(value).length === 3 && typeof systemId === "string" && typeof timestamp === "string";
  if (!isWrapper || !isObject(data ?? null)) return { document: value, deviceTime: undefined, members: 0 };
  return { document: data as JsonObject, deviceTime: readTime(timestamp), members: 3 };
}

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[-+]\d\d:\d\d)$/;

/** A device whose clock or format is wrong still sends an inventory: its time is then not known. */
function readTime(text: JsonValue): Date | undefined {
  const [, day] = (typeof text === "string" && RFC_3339.exec(text)) || [];
  if (day === undefined) return undefined;
  const noon = new Date(`${day}T12:00:00Z`);
  // A Date takes 30 February for 2 March.
  if (Number.isNaN(noon.getTime()) || noon.toISOString().slice(0, 10) !== day) return undefined;
  const time = new Date(String(text).replace(" ", "T"));
  return Number.isNaN(time.getTime()) ? undefined : time;
}
