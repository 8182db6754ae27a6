// Inventories as bytes: whatever is sent is either read as JSON.parse would read it, or refused in words.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { readDocument } from "../../src/domains/inventory/intake/document.ts";
import { FUZZ_MS, anyText, forAll, parsedOr } from "../support/fuzz.ts";

const read = (bytes: Uint8Array) => parsedOr(() => readDocument(bytes), 400);
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** `JSON.parse` itself, on what a strict reader of UTF-8 sees. */
function oracle(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

test(
  "any bytes are read or refused, never anything else",
  () => forAll(fc.uint8Array({ maxLength: 200 }), (bytes) => void read(bytes)),
  FUZZ_MS,
);

test(
  "text made of JSON's own pieces is read exactly when JSON.parse reads an object",
  () =>
    forAll(
      fc
        .array(
          fc.constantFrom(
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            '"a"',
            '"b"',
            "1",
            "-0.5e3",
            "1e400",
            "true",
            "null",
            " ",
            '"\\u0000"',
            '"\\ud800"',
          ),
        )
        .map((pieces) => pieces.join("")),
      (text) => {
        const value = oracle(text);
        const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
        expect(read(bytesOf(text)) !== undefined).toBe(isObject);
      },
    ),
  FUZZ_MS,
);

test(
  "a JSON object is read as it was meant, in any order of keys",
  () =>
    forAll(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
      const text = JSON.stringify(value);
      const found = read(bytesOf(text));
      expect(found && JSON.parse(JSON.stringify(found.document))).toEqual(JSON.parse(text));
      const turned = JSON.stringify(Object.fromEntries(Object.entries(value).reverse()));
      expect(read(bytesOf(turned))?.hash).toBe(found?.hash ?? "");
    }),
  FUZZ_MS,
);

test(
  "what is stored holds nothing that the database refuses, whatever the strings held",
  () =>
    forAll(fc.dictionary(anyText(), anyText()), (value) => {
      const found = read(bytesOf(JSON.stringify(value)));
      expect(found).toBeDefined();
      const stored = JSON.parse(found?.text ?? "null") as Record<string, string>;
      for (const text of Object.entries(stored).flat()) {
        expect(text.includes("\0")).toBe(false);
        expect(text.isWellFormed()).toBe(true);
      }
    }),
  FUZZ_MS,
);

test("a document nested deeper than is read is refused, however deep it is", () => {
  for (const depth of [64, 10_000, 1_000_000]) {
    const text = `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(read(bytesOf(text))).toBeUndefined();
  }
});
