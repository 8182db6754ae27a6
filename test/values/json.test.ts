// Outside JSON: read to one depth, refused beyond it in linear time, and printed as far as a message goes.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { JsonFault, parseJson, parseJsonText } from "../../src/values/json/parse.ts";
import { MAX_DEPTH, MAX_STRING_BYTES } from "../../src/values/json/scan.ts";
import { shown } from "../../src/values/shown.ts";
import { cpuBySize, cpuOf } from "../support/cpu.ts";
import { FUZZ_MS, forAll } from "../support/fuzz.ts";

const nested = (depth: number, inner = "") => "[".repeat(depth) + inner + "]".repeat(depth);

describe("parsing", () => {
  test("goes as deep as the limit and not one level deeper, whatever the brackets", () => {
    expect(parseJsonText(nested(MAX_DEPTH))).toBeArray();
    for (const text of [
      nested(MAX_DEPTH + 1),
      `${'{"a":'.repeat(MAX_DEPTH)}[]${"}".repeat(MAX_DEPTH)}`,
      "[".repeat(200_000),
    ])
      expect(() => parseJsonText(text)).toThrow(new JsonFault(`it is nested deeper than ${MAX_DEPTH} levels`));
  });

  test("takes no number and no text that nothing real is as long as", () => {
    expect(parseJsonText(`[${"1".repeat(1_000)},"${"x".repeat(MAX_STRING_BYTES)}"]`)).toBeArray();
    const number = new JsonFault("it holds a number of more than 1000 digits");
    expect(() => parseJsonText(`[${"1".repeat(1_001)}]`)).toThrow(number);
    expect(() => parseJsonText(`{"${"k".repeat(MAX_STRING_BYTES + 1)}":1}`)).toThrow(JsonFault);
  });

  test("counts no bracket that is in a string, and none that was closed", () => {
    expect(parseJsonText(JSON.stringify(`\\"${"[".repeat(1_000)}`))).toBeString();
    expect(parseJsonText(`[${Array(1_000).fill("[]").join(",")}]`)).toHaveLength(1_000);
  });

  test(
    "reads what JSON.parse reads",
    () => {
      forAll(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value).toWellFormed();
        expect(parseJsonText(text)).toEqual(JSON.parse(text));
      });
    },
    FUZZ_MS,
  );

  test("names what is wrong, in a sentence that stays short", () => {
    expect(() => parseJson(new Uint8Array())).toThrow(new JsonFault("it is empty"));
    expect(() => parseJson(new Uint8Array([0x22, 0xff, 0x22]), { strict: true })).toThrow(JsonFault);
    expect(parseJson(new Uint8Array([0x22, 0xff, 0x22]))).toBe("\ufffd");
    for (const text of ["{", "nul", "a".repeat(100_000), `"${"a".repeat(100_000)}`, "'".repeat(9)]) {
      let fault: unknown;
      try {
        parseJsonText(text);
      } catch (error) {
        fault = error;
      }
      expect(fault).toBeInstanceOf(JsonFault);
      expect((fault as JsonFault).message.length).toBeLessThan(300);
    }
  });

  test("costs in proportion to the bytes, however they nest", async () => {
    const kinds = [
      (size: number) => nested(size / 2),
      (size: number) => `[${`${nested(MAX_DEPTH - 1)},`.repeat(size / (2 * MAX_DEPTH))}0]`,
      (size: number) => '{"a":'.repeat(size / 5),
    ];
    for (const kind of kinds) {
      const texts = new Map([1, 2, 4].map((times) => [times * 500_000, Buffer.from(kind(times * 500_000))]));
      const refusing = (size: number) => {
        try {
          return parseJson(texts.get(size) ?? new Uint8Array());
        } catch {
          return undefined;
        }
      };
      const [once = 0, , fourTimes = 0] = await cpuBySize([...texts.keys()], refusing);
      expect(fourTimes).toBeLessThan(12 * Math.max(once, 2));
    }
  }, 60_000);
});

describe("a value in a message", () => {
  test(
    "is its JSON, cut",
    () => {
      expect(shown(undefined)).toBe("nothing");
      expect(shown({ a: [1, "x", null, true, { "b c": {} }], d: [] })).toBe(
        '{"a":[1,"x",null,true,{"b c":{}}],"d":[]}',
      );
      expect(shown("x".repeat(100))).toBe(`"${"x".repeat(79)}`);
      forAll(fc.jsonValue({ maxDepth: 6 }), (value) => {
        for (const most of [0, 1, 7, 80, 10_000]) expect(shown(value, most)).toBe(JSON.stringify(value).slice(0, most));
      });
    },
    FUZZ_MS,
  );

  test("costs no more when more of it is behind what is shown", async () => {
    let deep: unknown = 0;
    for (let level = 0; level < 1_000_000; level += 1) deep = level % 2 ? [deep] : { deep };
    const long = "\u0001".repeat(50_000_000);
    const many = Array(1_000_000).fill({ long });
    const costMs = await cpuOf(() => {
      for (let turn = 0; turn < 1_000; turn += 1) for (const value of [deep, long, many, { long, many }]) shown(value);
    });
    // A tenth of a millisecond each, where JSON.stringify takes a second.
    expect(costMs).toBeLessThan(400);
  });
});
