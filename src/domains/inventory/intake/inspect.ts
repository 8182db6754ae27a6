// Everything the receiver wants to know of a document's bytes, in one go.
import { readDocument } from "./document.ts";
import type { ReadDocument } from "./document.ts";
import { extractFacts } from "./facts.ts";
import type { SystemFacts } from "./facts.ts";
import { partialReasons } from "../diff/gaps.ts";

export interface Inspected extends Pick<ReadDocument, "hash" | "size" | "repaired" | "deviceTime"> {
  facts: SystemFacts;
  partialReasons: string[];
}

/** Throws a Failure 400 with the reason when it is no inventory. */
export function inspect(bytes: Uint8Array): Inspected & Pick<ReadDocument, "text"> {
  const { document, text, hash, size, repaired, deviceTime } = readDocument(bytes);
  const told = { facts: extractFacts(document), partialReasons: partialReasons(document) };
  return { text, hash, size, repaired, deviceTime, ...told };
}
