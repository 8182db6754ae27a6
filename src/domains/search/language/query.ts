// Parses the query language, `path = value and path exists and …`, by hand, so that a fault is named with its place.
import { Failure } from "../../../errors.ts";
import { compilePath, formatPath } from "./path.ts";
import type { PathPattern, Segment } from "./path.ts";

const OPERATORS = ["=", "!=", "<=", ">=", "<", ">", "exists", "missing"] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Term {
  /** As answers write it. */
  path: string;
  pattern: PathPattern;
  operator: Operator;
  /** Undefined for `exists` and `missing`. */
  operand: Operand | undefined;
}

export interface Operand {
  text: string;
  /** In quotes it is a text and nothing else; without, also the number, true, false or null that is written so. */
  quoted: boolean;
}

export const MAX_QUERY_LENGTH = 2000;
const MAX_TERMS = 10;
const MAX_SEGMENTS = 64;

/** Throws a Failure 400 that says what was expected where. */
export function parseQuery(text: string): Term[] {
  if (text.length > MAX_QUERY_LENGTH)
    throw fault(text, MAX_QUERY_LENGTH, `the query is longer than ${MAX_QUERY_LENGTH} characters`);
  const reader = { text, at: 0 };
  const terms: Term[] = [];
  do {
    if (terms.length === MAX_TERMS) throw fault(text, reader.at, `more than ${MAX_TERMS} conditions`);
    terms.push(readTerm(reader));
  } while (readAnd(reader));
  return terms;
}

/** Parses one path on its own, as facets take it. */
export function parsePath(text: string): Pick<Term, "path" | "pattern"> {
  const reader = { text, at: 0 };
  const path = readPath(reader);
  skipBlanks(reader);
  if (reader.at < text.length) throw fault(text, reader.at, `expected the path to end, found ${found(reader)}`);
  return path;
}

interface Reader {
  text: string;
  at: number;
}

function readTerm(reader: Reader): Term {
  const path = readPath(reader);
  const operator = readOperator(reader);
  if (operator === "exists" || operator === "missing") return { ...path, operator, operand: undefined };
  return { ...path, operator, operand: readOperand(reader) };
}

function readAnd(reader: Reader): boolean {
  skipBlanks(reader);
  if (reader.at >= reader.text.length) return false;
  const word = match(reader, /and(?=\s|$)/iy);
  if (word === undefined)
    throw fault(reader.text, reader.at, `expected "and" or the end of the query, found ${found(reader)}`);
  return true;
}

function readPath(reader: Reader): Pick<Term, "path" | "pattern"> {
  skipBlanks(reader);
  const segments: Segment[] = [];
  do {
    if (segments.length === MAX_SEGMENTS)
      throw fault(reader.text, reader.at, `a path has more than ${MAX_SEGMENTS} segments`);
    segments.push(readSegment(reader));
  } while (match(reader, /\./y) !== undefined);
  return { path: formatPath(segments), pattern: compilePath(segments) };
}

function readSegment(reader: Reader): Segment {
  const quoted = reader.text[reader.at] === '"' ? readQuoted(reader) : undefined;
  if (quoted !== undefined) return { name: quoted, marks: match(reader, /(?:\[\])+/y) ?? "" };
  const start = reader.at;
  const word = match(reader, /[^\s."=<>!]+/y);
  if (word === undefined)
    throw fault(reader.text, reader.at, `expected a path such as facts.distro.version, found ${found(reader)}`);
  const name = word.slice(0, endWithoutMarks(word));
  const marks = word.slice(name.length);
  if (name === "*") return { name: undefined, marks };
  if (name === "") throw fault(reader.text, start, `expected a name before ${marks}`);
  if (name.includes("*"))
    throw fault(reader.text, start, `a * stands for a whole segment; a name that holds one is written in quotes`);
  if (/[[\]]/.test(name))
    throw fault(
      reader.text,
      start,
      `elements have no numbers: those without a name of their own are written [], others go by their name; a name that holds a bracket is written in quotes`,
    );
  if (name.startsWith("'")) throw fault(reader.text, start, `a name is quoted with ", not with '`);
  return { name, marks };
}

function endWithoutMarks(word: string): number {
  let end = word.length;
  while (word.endsWith("[]", end)) end -= 2;
  return end;
}

function readOperator(reader: Reader): Operator {
  skipBlanks(reader);
  const word = match(reader, /!=|<=|>=|=|<|>|(?:exists|missing)(?=\s|$)/iy)?.toLowerCase();
  const operator = OPERATORS.find((one) => one === word);
  if (!operator)
    throw fault(
      reader.text,
      reader.at,
      `expected one of ${OPERATORS.join(" ")} after the path, found ${found(reader)}`,
    );
  return operator;
}

function readOperand(reader: Reader): Operand {
  skipBlanks(reader);
  if (reader.text[reader.at] === '"') return { text: readQuoted(reader), quoted: true };
  const text = match(reader, /[^\s"=<>!]+/y);
  if (text === undefined) throw fault(reader.text, reader.at, `expected a value, found ${found(reader)}`);
  if (text.startsWith("'")) throw fault(reader.text, reader.at - text.length, `a text is quoted with ", not with '`);
  return { text, quoted: false };
}

function readQuoted(reader: Reader): string {
  const start = reader.at;
  const text = match(reader, /"(?:[^"\\]|\\.)*"/sy);
  if (text === undefined) throw fault(reader.text, start, "a quotation mark that no other one closes");
  try {
    return String(JSON.parse(text));
  } catch {
    throw fault(
      reader.text,
      start,
      `${text} is not a JSON string; write \\\\ for a backslash and \\" for a quotation mark`,
    );
  }
}

function match(reader: Reader, sticky: RegExp): string | undefined {
  sticky.lastIndex = reader.at;
  const text = sticky.exec(reader.text)?.[0];
  if (text !== undefined) reader.at += text.length;
  return text;
}

const skipBlanks = (reader: Reader) => void match(reader, /\s+/y);

function found({ text, at }: Reader): string {
  if (at >= text.length) return "the end";
  return JSON.stringify(/^\s*\S{1,20}/.exec(text.slice(at, at + 40))?.[0] ?? text[at]);
}

function fault(text: string, at: number, reason: string): Failure {
  return new Failure("fleet.query", 400, `invalid query at character ${at + 1}: ${reason}`, {
    data: { character: at + 1, reason, near: text.slice(at, at + 40) },
  });
}
