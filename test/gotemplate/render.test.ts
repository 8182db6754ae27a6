// Compares templates with what Go itself made of them (test/support/go-templates), and renders hostile ones.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_STEPS, readData, renderTemplate } from "../../src/gotemplate/index.ts";
import { FUZZ_MS, forAll } from "../support/fuzz.ts";
import recorded from "./cases.json";

interface Case {
  template: string;
  text?: string;
  error?: string;
}
const cases: Case[] = recorded.cases;
const labels = readData(recorded.labels);

describe("templates", () => {
  test.each(cases.map((one) => [one.template, one] as const))("%j ends as in Go", (_name, { template, text }) => {
    const rendered = renderTemplate(template, labels);
    expect("text" in rendered ? rendered.text : undefined).toBe(text);
  });

  test("names of objects' own machinery are keys like any other, and missing", () => {
    expect(renderTemplate("{{.constructor}} {{.__proto__}} {{.toString}}", readData({}))).toEqual({
      text: "<no value> <no value> <no value>",
    });
  });

  test("what is left out of Go is a warning, never another text", () => {
    for (const template of ['{{printf "%x" 1.5}}', '{{printf "%p" .}}', '{{printf "%#g" 1.0}}', "{{1i}}"])
      expect(renderTemplate(template, labels)).toHaveProperty("warning");
  });
});

describe("a hostile template ends in a warning", () => {
  test("that stays short, however long the word is that it names", () => {
    const word = "x".repeat(60_000);
    for (const template of [
      `{{${word}}}`,
      `{{$${word}}}`,
      `{{template "${word}"}}`,
      `{{1${"0".repeat(60_000)}}}`,
      `{{.a "${word}`,
    ]) {
      const rendered = renderTemplate(template, readData({}));
      expect("warning" in rendered && rendered.warning.length).toBeWithin(1, 201);
    }
  });

  const DOUBLING = Array.from({ length: 40 }, () => "{{$x = print $x $x}}").join("");
  test.each([
    ["calls itself", '{{define "a"}}{{template "a"}}{{end}}{{template "a"}}'],
    [
      "calls itself through another",
      '{{define "a"}}{{template "b"}}{{end}}{{define "b"}}{{template "a"}}{{end}}{{template "a"}}',
    ],
    ["is its own root", '{{template ""}}'],
    ["loops for ever", "{{range 9223372036854775807}}{{end}}"],
    ["loops in loops", "{{range 1000}}{{range 1000}}{{range 1000}}x{{end}}{{end}}{{end}}"],
    ["prints without end", "{{range 9000}}0123456789012345678901234567890123456789{{end}}"],
    ["doubles a text that it never prints", `{{$x := "0123456789"}}${DOUBLING}`],
    ["asks for a wide column", '{{printf "%1000000d" 1}}'],
    ["asks for many wide columns", `{{printf "${"%9999[1]d".repeat(1000)}" 1}}`],
    ["asks for many digits", `{{printf "${"%.65000[1]g".repeat(2000)}" 1.5}}`],
    ["formats much and prints nothing", `{{range 9000}}{{$x := printf "${"%[1].0s".repeat(8000)}" "a"}}{{end}}`],
    ["nests parentheses", `{{${"(".repeat(30_000)}1${")".repeat(30_000)}}}`],
    ["nests blocks", `${"{{if 1}}".repeat(4_000)}${"{{end}}".repeat(4_000)}`],
    ["is long", `{{.a}}${"x".repeat(70_000)}`],
  ])("one that %s", (_how, template) => {
    expect(renderTemplate(template, labels)).toHaveProperty("warning");
  });

  test("templates of one request share what they may take", () => {
    const shared = { steps: 1_500 };
    const template = "{{range 1000}}{{end}}";
    expect(renderTemplate(template, readData({}), shared)).toHaveProperty("text");
    expect(renderTemplate(template, readData({}), shared)).toHaveProperty("warning");
    expect(shared.steps).toBe(0);
  });

  test("texts and templates that are long take many steps, so that few of them are read and made", () => {
    const label = readData({ x: "é".repeat(20_000) });
    for (const [template, most] of [
      ["{{$y := js $.x}}", 5],
      ['{{$y := printf "%q" $.x}}', 5],
      [`{{if 0}}${"{{.x}}".repeat(5_000)}{{end}}`, 10],
    ] as const) {
      const shared = { steps: MAX_STEPS };
      let rendered = 0;
      while (shared.steps > 0 && "text" in renderTemplate(template, label, shared)) rendered += 1;
      expect([template.slice(0, 20), rendered > 0 && rendered <= most]).toEqual([template.slice(0, 20), true]);
    }
  }, 60_000);

  const words = fc.constantFrom(
    ...[
      "{{",
      "}}",
      "{{- ",
      " -}}",
      ".a",
      ".",
      "$",
      "$x",
      ":=",
      "=",
      "|",
      "(",
      ")",
      " ",
      "if",
      "else",
      "end",
      "range",
      "with",
    ],
    ...[
      "define",
      "template",
      "block",
      "break",
      "print",
      "printf",
      "index",
      "slice",
      "len",
      "eq",
      "and",
      '"%d"',
      '"%[1]*v"',
      "`",
      "'",
    ],
    ...["1", "-1", "1.5e9", "0x", ",", "/*", "*/", "nil", "true", "html", "js", '"a"', "é", "\0", "\n", "not", "lt"],
  );
  test(
    "no text of words and marks makes it throw, print too much or take too long",
    () =>
      forAll(fc.array(words, { maxLength: 60 }), (parts) => {
        const budget = { steps: MAX_STEPS };
        const rendered = renderTemplate(parts.join(""), readData({ a: "x", b: "ü" }), budget);
        expect(budget.steps).toBeGreaterThanOrEqual(0);
        if ("text" in rendered) expect(Buffer.byteLength(rendered.text)).toBeLessThanOrEqual(3 * 64 * 1024);
        else expect(rendered.warning).not.toBe("");
      }),
    FUZZ_MS,
  );
});
