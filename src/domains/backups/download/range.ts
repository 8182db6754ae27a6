// Reads Range and If-Range of a download as RFC 9110 has them: one range or none, never an error for a malformed one.
import type { ByteRange } from "../../../ports/objects.ts";

/** Requests for several ranges get `whole` too: a server may always ignore Range. */
type RangeAnswer = "whole" | "unsatisfiable" | ByteRange;

export function readRange(headers: Headers, size: number, etag: string): RangeAnswer {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.get("range")?.replace(/\s/g, "") ?? "");
  if (!match || (!match[1] && !match[2])) return "whole";
  // Dates never match: Muster sends ETags, which are more exact.
  const ifRange = headers.get("if-range");
  if (ifRange !== null && ifRange.trim() !== etag) return "whole";
  if (!match[1]) {
    const suffix = Number(match[2]);
    if (suffix === 0) return "unsatisfiable";
    return { first: Math.max(0, size - suffix), last: size - 1 };
  }
  const first = Number(match[1]);
  const last = match[2] ? Math.min(Number(match[2]), size - 1) : size - 1;
  if (match[2] && Number(match[2]) < first) return "whole";
  return first < size ? { first, last } : "unsatisfiable";
}
