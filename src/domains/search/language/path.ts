// Compiles a path of the query language, such as `facts.*.version`, into what the database looks paths up by.
import { formatSegment } from "../../../values/json/segment.ts";

/** One step of a path as a query writes it. */
export interface Segment {
  /** Undefined for `*`, which stands for any one segment. */
  name: string | undefined;
  /** `[]` after the name: elements that have no name of their own. */
  marks: string;
}

export const formatPath = (segments: readonly Segment[]): string =>
  segments.map(({ name, marks }) => (name === undefined ? "*" : formatSegment(name)) + marks).join(".");

export interface PathPattern {
  /** The path itself when it holds no `*`. */
  exact: string | undefined;
  /** What every matching path begins with. */
  prefix: string;
  /** For PostgreSQL's `~`. */
  regex: string;
  /** The same, and everything below. */
  regexBelow: string;
}

export function compilePath(segments: readonly Segment[]): PathPattern {
  const wildAt = segments.findIndex((segment) => segment.name === undefined);
  const before = formatPath(wildAt < 0 ? segments : segments.slice(0, wildAt));
  const body = segments.map(regexOf).join("\\.");
  return {
    exact: wildAt < 0 ? before : undefined,
    prefix: wildAt > 0 ? `${before}.` : before,
    regex: `^${body}$`,
    regexBelow: `^${body}($|[.[])`,
  };
}

/** A quoted segment, or one without dots. */
const ANY_SEGMENT = `(?:"(?:[^"\\\\]|\\\\.)*"(?:\\[\\])*|[^."]+)`;

function regexOf({ name, marks }: Segment): string {
  return name === undefined ? ANY_SEGMENT + escaped(marks) : escaped(formatSegment(name) + marks);
}

const escaped = (text: string) => text.replace(/[\\^$.|?+*()[\]{}]/g, "\\$&");
