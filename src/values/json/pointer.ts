// Names of places in a document: JSON Pointers (RFC 6901) for programs, field paths for people.

export function formatPointer(segments: readonly string[]): string {
  let pointer = "";
  for (const segment of segments) pointer += `/${escapeSegment(segment)}`;
  return pointer;
}

export function parsePointer(pointer: string): string[] {
  if (pointer === "") return [];
  return pointer.slice(1).split("/").map(unescapeSegment);
}

/**
 * Segments joined with dots. One that holds a dot itself, or could be taken for a quoted one, is quoted as a JSON string:
 * `network.configuration."eth0.6".name`. So a path always splits into the segments it was made from.
 */
export function formatFieldPath(segments: readonly string[]): string {
  return segments.map((segment) => (NEEDS_QUOTES.test(segment) ? JSON.stringify(segment) : segment)).join(".");
}

export function parseFieldPath(path: string): string[] {
  const segments: string[] = [];
  for (let at = 0; at <= path.length; at++) {
    const end = path[at] === '"' ? quotedEnd(path, at) : plainEnd(path, at);
    const segment = path.slice(at, end);
    segments.push(path[at] === '"' ? String(JSON.parse(segment)) : segment);
    at = end;
  }
  return segments;
}

const NEEDS_QUOTES = /[.\u0000-\u001f]|^"|^$/;

const escapeSegment = (segment: string) =>
  segment.includes("~") || segment.includes("/") ? segment.replaceAll("~", "~0").replaceAll("/", "~1") : segment;
const unescapeSegment = (segment: string) =>
  segment.includes("~") ? segment.replaceAll("~1", "/").replaceAll("~0", "~") : segment;

function plainEnd(path: string, start: number): number {
  const end = path.indexOf(".", start);
  return end < 0 ? path.length : end;
}

function quotedEnd(path: string, start: number): number {
  let at = start + 1;
  while (at < path.length && path[at] !== '"') at += path[at] === "\\" ? 2 : 1;
  return at + 1;
}
