// Converts between texts and Go's strings, which are bytes: inside, a string holds one UTF-8 byte a character, so lengths, order and cuts are Go's.
import { isUtf8 } from "node:buffer";

/** Thrown for a template that Go refuses, and for one that exceeds a bound. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

/** A message may name a word of the template, which may be as long as the template. */
const MAX_MESSAGE_LENGTH = 200;

export function fail(message: string): never {
  throw new TemplateError(message.slice(0, MAX_MESSAGE_LENGTH));
}

/** Of a template's text, and of every text on the way to it. */
export const MAX_TEXT_BYTES = 64 * 1024;

const ASCII = /^[\x00-\x7f]*$/;

export const toBytes = (text: string): string =>
  ASCII.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");

/** As Go's JSON writes it: each byte that is no UTF-8 becomes one U+FFFD, where a decoder of the web would join them. */
export function fromBytes(bytes: string): string {
  if (ASCII.test(bytes)) return bytes;
  const buffer = Buffer.from(bytes, "latin1");
  if (isUtf8(buffer)) return buffer.toString("utf8");
  return runesOf(bytes)
    .map((one) => String.fromCodePoint(one.rune))
    .join("");
}

interface Rune {
  rune: number;
  bytes: string;
}

/** Each rune of a byte string with its bytes; a byte that is no UTF-8 comes alone, as U+FFFD. */
export function runesOf(bytes: string): Rune[] {
  const runes: Rune[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    runes.push({ rune: length === 0 ? 0xfffd : decode(bytes, at, length), bytes: bytes.slice(at, at + (length || 1)) });
    at += length || 1;
  }
  return runes;
}

/** How many runes that are. */
export function countRunes(bytes: string): number {
  if (ASCII.test(bytes)) return bytes.length;
  let count = 0;
  for (let at = 0; at < bytes.length; count += 1) at += sequenceLength(bytes, at) || 1;
  return count;
}

/** The first so many runes; costs what they are long, not what the text is. */
export function firstRunes(bytes: string, count: number): string {
  let at = 0;
  for (let left = count; left > 0 && at < bytes.length; left -= 1) at += sequenceLength(bytes, at) || 1;
  return bytes.slice(0, at);
}

export const isInvalid = ({ rune, bytes }: Rune) => rune === 0xfffd && bytes.length === 1;

/** Of the UTF-8 that begins there; 0 where none does: too long, cut off, a surrogate, or beyond U+10FFFF. */
function sequenceLength(bytes: string, at: number): number {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return 1;
  const length = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes.charCodeAt(at + 1);
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let next = 2; next < length; next += 1) if ((bytes.charCodeAt(at + next) & 0xc0) !== 0x80) return 0;
  return length;
}

function decode(bytes: string, at: number, length: number): number {
  if (length === 1) return bytes.charCodeAt(at);
  let rune = bytes.charCodeAt(at) & (0x7f >> length);
  for (let next = 1; next < length; next += 1) rune = (rune << 6) | (bytes.charCodeAt(at + next) & 0x3f);
  return rune;
}

/** What Go's unicode.IsPrint says: letters, marks, numbers, punctuation, symbols and the plain space. */
export const isPrintable = (rune: number) =>
  rune === 0x20 || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(String.fromCodePoint(rune));

/** strconv.Quote; `ascii` is QuoteToASCII. */
export function quote(bytes: string, mark: '"' | "'", ascii: boolean): string {
  let quoted = "";
  for (const one of runesOf(bytes))
    quoted += isInvalid(one) ? `\\x${hex(one.bytes.charCodeAt(0), 2)}` : escapeRune(one.rune, mark, ascii);
  return `${mark}${quoted}${mark}`;
}

const ESCAPES: Record<number, string> = { 7: "\\a", 8: "\\b", 12: "\\f", 10: "\\n", 13: "\\r", 9: "\\t", 11: "\\v" };

function escapeRune(rune: number, mark: string, ascii: boolean): string {
  const character = String.fromCodePoint(rune);
  if (character === mark || character === "\\") return `\\${character}`;
  if (isPrintable(rune) && (rune < 0x80 || !ascii)) return toBytes(character);
  const known = ESCAPES[rune];
  if (known) return known;
  if (rune < 0x20 || rune === 0x7f) return `\\x${hex(rune, 2)}`;
  return rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`;
}

export const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");

const UNQUOTED: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

/** strconv.Unquote without the marks around: the bytes that a Go literal stands for. */
export function unquote(literal: string, mark: '"' | "'"): string {
  let bytes = "";
  for (let at = 0; at < literal.length;) {
    const [part, next] = literal[at] === "\\" ? unescape(literal, at + 1, mark) : plainRune(literal, at);
    bytes += part;
    at = next;
  }
  return bytes;
}

function plainRune(literal: string, at: number): [string, number] {
  const character = String.fromCodePoint(literal.codePointAt(at) ?? 0);
  return [toBytes(character), at + character.length];
}

function unescape(literal: string, at: number, mark: string): [string, number] {
  const letter = literal[at] ?? "";
  const simple = Object.hasOwn(UNQUOTED, letter) ? UNQUOTED[letter] : letter === mark ? mark : undefined;
  if (simple !== undefined) return [simple, at + 1];
  const digits = { x: 2, u: 4, U: 8 }[letter];
  if (digits !== undefined) {
    const text = literal.slice(at + 1, at + 1 + digits);
    const value = text.length === digits && /^[0-9a-fA-F]+$/.test(text) ? parseInt(text, 16) : NaN;
    if (letter === "x" && !Number.isNaN(value)) return [String.fromCharCode(value), at + 3];
    if (!(value <= 0x10ffff) || (value >= 0xd800 && value <= 0xdfff)) fail("a literal holds an escape that is none");
    return [toBytes(String.fromCodePoint(value)), at + 1 + digits];
  }
  const octal = /^[0-3][0-7]{2}/.exec(literal.slice(at, at + 3))?.[0];
  if (octal === undefined) fail("a literal holds an escape that is none");
  return [String.fromCharCode(parseInt(octal, 8)), at + 3];
}
