// Escapes text for HTML, JavaScript and URLs as the functions of Go's text/template do.
import { fromBytes, hex, isInvalid, isPrintable, runesOf, toBytes } from "../source.ts";

export const escapeUrl = (bytes: string): string =>
  bytes.replace(/[^A-Za-z0-9_.~-]/g, (one) => (one === " " ? "+" : `%${hex(one.charCodeAt(0), 2).toUpperCase()}`));

const HTML: Record<string, string> = {
  "&": "&amp;",
  "'": "&#39;",
  '"': "&#34;",
  "<": "&lt;",
  ">": "&gt;",
  "\0": toBytes("\ufffd"),
};

export const escapeHtml = (bytes: string): string => bytes.replace(/[&'"<>\0]/g, (one) => HTML[one] ?? one);

const SCRIPT: Record<string, string> = { "\\": "\\\\", "'": "\\'", '"': '\\"' };

export function escapeScript(bytes: string): string {
  return runesOf(bytes)
    .map((one) => {
      const character = fromBytes(one.bytes);
      const known = SCRIPT[character];
      if (known) return known;
      if (
        /^[<>&=]$/.test(character) ||
        one.rune < 0x20 ||
        (one.rune >= 0x80 && !isInvalid(one) && !isPrintable(one.rune))
      )
        return `\\u${hex(one.rune, 4).toUpperCase()}`;
      return one.bytes;
    })
    .join("");
}
