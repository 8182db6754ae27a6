// What reads outside text takes time that grows with its length: four times the text, at most about four times the CPU.
import { expect, test } from "bun:test";
import { parseQuery } from "../../src/domains/search/language/query.ts";
import { filenameOf, mediaTypeOf } from "../../src/domains/backups/names.ts";
import { readData, renderTemplate } from "../../src/gotemplate/index.ts";
import { readBasic } from "../../src/http/edge/credentials.ts";
import { decodeCursor } from "../../src/http/edge/cursor.ts";
import { compareDecimals } from "../../src/values/json/decimal.ts";
import { parseJsonText } from "../../src/values/json/parse.ts";
import { shown } from "../../src/values/shown.ts";
import { parseVersion } from "../../src/values/version.ts";
import { cpuBySize } from "../support/cpu.ts";

const NONE = readData({});
const render = (source: string, text = "") => renderTemplate(source, text === "" ? NONE : readData({ x: text }));

/** Most bodies are far larger than the longest template. */
const LONG = 1_000_000;
/** A quarter of the longest template, so that four times as much is still read. */
const TEMPLATE = 16_000;

const CASES: [name: string, size: number, work: (size: number) => unknown][] = [
  ["a template of blanks before a trim marker", TEMPLATE, (n) => render(`${" ".repeat(n)}x{{- 1}}`)],
  ["a template of blanks and lines that no marker trims", TEMPLATE, (n) => render(`${" \n".repeat(n / 2)}x{{1}}`)],
  ["a template of blanks within an action", TEMPLATE, (n) => render(`{{${" ".repeat(n)}1}}`)],
  ["a template of digits and a bare exponent", TEMPLATE, (n) => render(`{{${"1".repeat(n)}e}}`)],
  ["a template of digits", TEMPLATE, (n) => render(`{{${"1".repeat(n)}}}`)],
  ["a template of digits around a point", TEMPLATE, (n) => render(`{{${"1".repeat(n / 2)}.${"0".repeat(n / 2)}}}`)],
  ["a template of underscores", TEMPLATE, (n) => render(`{{1${"_1".repeat(n / 2)}_}}`)],
  ["a template of openings", TEMPLATE, (n) => render("{{".repeat(n / 2))],
  ["a template of comments", TEMPLATE, (n) => render("{{/**/}}".repeat(n / 8))],
  ["a template of variables", TEMPLATE, (n) => render(numbered(n / 14, (at) => `{{$a${at}:=1}}`))],
  ["a template of definitions", TEMPLATE, (n) => render(numbered(n / 26, (at) => `{{define "${at}"}}x{{end}}`))],
  ["a template of backslashes in a literal", TEMPLATE, (n) => render(`{{"${"\\\\".repeat(n / 2)}"}}`)],
  ["a template of printf's signs", TEMPLATE, (n) => render(`{{printf "${"%[".repeat(n / 2)}"}}`)],
  ["a template of printf's digits", TEMPLATE, (n) => render(`{{printf "%${"0".repeat(n)}d" 1}}`)],
  [
    "a template that names a long label and prints nothing of it",
    4_000,
    (n) => render(`{{printf "${"%[1].0s".repeat(1_000)}" .x}}`, "é".repeat(n)),
  ],
  ["a template that escapes a long label", 4_000, (n) => render("{{js .x | html | urlquery}}", "é".repeat(n))],
  ["a query of brackets", 500, (n) => refused(() => parseQuery(`a${"[]".repeat(n / 2)}x = 1`))],
  ["a query of blanks", 500, (n) => refused(() => parseQuery(`a =${" ".repeat(n)}`))],
  ["a query of quotes", 500, (n) => refused(() => parseQuery(`a = "${'\\"'.repeat(n / 2)}`))],
  ["a version of pluses and lines", LONG, (n) => parseVersion("1+\n".repeat(n / 3))],
  ["a decimal of zeros", LONG, (n) => compareDecimals(`1${"0".repeat(n)}1`, `1${"0".repeat(n)}2`)],
  ["credentials without a colon", LONG, (n) => refused(() => readBasic(`Basic ${"A".repeat(n)}`, "Basic"))],
  ["credentials of blanks", LONG, (n) => refused(() => readBasic(`Basic${" ".repeat(n)}`, "Basic"))],
  ["a cursor", LONG, (n) => refused(() => decodeCursor("A".repeat(n), ["text", "uuid", "time"]))],
  ["a file name of dots and slashes", LONG, (n) => filenameOf("../".repeat(n / 3), "id")],
  ["a file name of dots", LONG, (n) => filenameOf(`${".".repeat(n)}x/`, "id")],
  ["a media type", LONG, (n) => mediaTypeOf(`application/${"a.".repeat(n / 2)}`)],
  ["brackets inside each other", LONG, (n) => refused(() => parseJsonText("[".repeat(n)))],
  ["brackets beside each other", LONG, (n) => parseJsonText(`[${"[],".repeat(n / 3)}[]]`)],
  ["a value printed for a message", LONG, (n) => shown("[".repeat(n))],
];

test.each(CASES)(
  "%s",
  async (_name, size, work) => {
    const [one = 0, , four = 0] = await cpuBySize([size, 2 * size, 4 * size], work);
    // Quadratic work takes sixteen times as long. Below some milliseconds the clock of the CPU and the collector decide.
    expect(four).toBeLessThan(8 * one + 25);
  },
  60_000,
);

function numbered(count: number, part: (at: number) => string): string {
  return Array.from({ length: count }, (_, at) => part(at)).join("");
}

function refused(work: () => unknown): void {
  try {
    work();
  } catch {
    // Refused, in whatever words.
  }
}
