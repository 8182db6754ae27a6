// Takes a document out of the wrapper that some senders put around it.
import { readTime } from "../../../values/time.ts";
import { isObject, type JsonObject } from "../../../values/json/value.ts";

export interface Unwrapped {
  document: JsonObject;
  /** In UTC; when the device says it made the document. Undefined without a wrapper, and for what is no time. */
  deviceTime: string | undefined;
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
