// Scans a body's bytes once before JSON.parse sees them: nesting, members, and which slow paths it needs.

export interface Scan {
  /** Offset of the first byte that is not blank; the length when there is none. A byte order mark counts as blank. */
  start: number;
  /** Offset of the bracket that opens one level too many, or -1. The scan ends there. */
  tooDeepAt: number;
  /** Offset of the first number or string (a key is one too) that is longer than allowed, or -1. The scan ends there. */
  tooLongAt: number;
  /** Colons outside strings: in valid JSON, the members of all objects, repeated keys included. */
  members: number;
  ascii: boolean;
  /** Some number has more than 15 digits or an exponent, so it may not fit a double. */
  longNumbers: boolean;
  /** Some escape is U+0000 or a surrogate, which may be a lone one. */
  oddEscapes: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
/**
 * How deep outside JSON may nest. Real inventories nest 8 deep, alerts 4. PostgreSQL's own parser recurses, JSON.stringify takes
 * the square of the depth, and whatever looks at each value from each level above it takes this many times as long.
 */
export const MAX_DEPTH = 64;
/**
 * Bytes of one number: a double needs 17 digits, and no key or hash of today 1,000. What reads decimals exactly takes the
 * square of their length.
 */
const MAX_NUMBER_BYTES = 1_000;
/** Bytes of one string as sent: a certificate chain is 10 KB, the longest log in a real inventory 60 KB. */
export const MAX_STRING_BYTES = 1024 ** 2;
/** Every decimal of so many digits is the shortest form of exactly one double. */
const SAFE_DIGITS = 15;

/** Nothing is validated here: broken JSON gives some answer, and JSON.parse refuses it afterwards. */
export function scan(bytes: Uint8Array): Scan {
  const length = bytes.length;
  const found: Scan = {
    start: firstByte(bytes),
    tooDeepAt: -1,
    tooLongAt: -1,
    members: 0,
    ascii: true,
    longNumbers: false,
    oddEscapes: false,
  };
  let depth = 0;
  let members = 0;
  let bits = 0;
  for (let at = found.start; at < length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      const start = at;
      let next = 0;
      while (++at < length && (next = bytes[at] ?? 0) !== QUOTE) {
        bits |= next;
        if (next === BACKSLASH && isOddEscape(bytes, ++at)) found.oddEscapes = true;
      }
      if (at - start - 1 > MAX_STRING_BYTES) {
        found.tooLongAt = start;
        break;
      }
    } else if (byte >= 0x30 && byte <= 0x39) {
      const start = at;
      let digits = 1;
      while (++at < length) {
        const next = bytes[at] ?? 0;
        if (next >= 0x30 && next <= 0x39) digits++;
        else if (next !== DOT) break;
      }
      if (digits > MAX_NUMBER_BYTES) {
        found.tooLongAt = start;
        break;
      }
      if (digits > SAFE_DIGITS || ((bytes[at] ?? 0) | 0x20) === 0x65) found.longNumbers = true;
      at--;
    } else if (byte === 0x3a) members++;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > MAX_DEPTH) {
        found.tooDeepAt = at;
        break;
      }
    } else if (byte === 0x7d || byte === 0x5d) depth--;
    else bits |= byte;
  }
  found.members = members;
  found.ascii = bits < 0x80;
  return found;
}

function firstByte(bytes: Uint8Array): number {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (at < bytes.length && isBlank(bytes[at])) at++;
  return at;
}

const isBlank = (byte: number | undefined) => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;

/** `\u0000`, or `\ud8..` to `\udf..`: `at` is the byte after the backslash. A letter or 8, 9 follows the d of a surrogate. */
function isOddEscape(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== 0x75) return false;
  const first = bytes[at + 1] ?? 0;
  const second = bytes[at + 2] ?? 0;
  if ((first | 0x20) === 0x64) return second >= 0x38;
  return first === 0x30 && second === 0x30 && bytes[at + 3] === 0x30 && bytes[at + 4] === 0x30;
}

/** What is too long there, in words. */
export const tooLong = (bytes: Uint8Array, at: number): string =>
  bytes[at] === QUOTE
    ? `a string of more than ${MAX_STRING_BYTES} bytes`
    : `a number of more than ${MAX_NUMBER_BYTES} digits`;
