// Reading a body into a document, its stored text and its hash; every refusal says why and where.
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/errors.ts";
import { readDocument } from "../../../../src/domains/inventory/intake/document.ts";
import { endlessNumber, longestNumbers } from "../../../support/attacks/numbers.ts";
import { cpuBySize, cpuOf } from "../../../support/cpu.ts";
import { isExact, isValueSafe, parseExact } from "../../../../src/values/json/value.ts";

const FIXTURES = `${import.meta.dir}/../../../support/fixtures/inventories`;
const read = (text: string) => readDocument(new TextEncoder().encode(text));
const readBytes = (...parts: (string | number[])[]) =>
  readDocument(Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part)))));

function refusalOf(run: () => unknown): { code: string; status: number; message: string; reason: unknown } {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return {
      code: error.code,
      status: error.status,
      message: error.message,
      reason: error.data?.["validation_error"],
    };
  }
  throw new Error("it was accepted");
}

describe("what is accepted", () => {
  test("keeps the sender's text, size and values when nothing is wrong with them", () => {
    const text = '{ "b": [1, 2.0, "x"],\n "a": {"è": "\\u00e8 \\ud83d\\ude00 \\\\u0000"} }';
    const { document, text: stored, size, repaired, repeatedKeys } = read(text);
    expect(stored).toBe(text);
    expect(size).toBe(Buffer.byteLength(text));
    expect(document).toEqual({ b: [1, 2, "x"], a: { è: "è 😀 \\u0000" } });
    expect([repaired, repeatedKeys]).toEqual([0, 0]);
  });

  test("reads every recorded inventory as JSON.parse does", async () => {
    for (const name of ["ns8-inventory", "ns8-inventory-legacy", "nsec-inventory", "nsec-inventory-legacy"]) {
      const bytes = await Bun.file(`${FIXTURES}/${name}.json`).bytes();
      const { document, size, text } = readDocument(bytes);
      expect(document).toEqual(JSON.parse(new TextDecoder().decode(bytes)));
      expect(size).toBe(bytes.length);
      expect(Buffer.from(text)).toEqual(Buffer.from(bytes));
    }
  });

  test("tolerates a byte order mark and blanks around the object", () => {
    const { document, text, size } = readBytes([0xef, 0xbb, 0xbf], ' \r\n{"a":1}\n ');
    expect(document).toEqual({ a: 1 });
    expect(JSON.parse(text)).toEqual({ a: 1 });
    expect(size).toBe(15);
  });

  test("takes nesting of exactly the allowed depth", () => {
    const text = '{"a":'.repeat(32) + "[".repeat(32) + "]".repeat(32) + "}".repeat(32);
    expect(read(text).text).toBe(text);
  });

  test("counts no brackets, colons or digits inside strings", () => {
    const text = JSON.stringify({ a: `${"[{".repeat(500)}:"\\ 12345678901234567890`, b: "\\" });
    expect(read(text)).toMatchObject({ text, repeatedKeys: 0 });
  });
});

describe("the hash", () => {
  test("is the SHA-256 of the canonical JSON", () => {
    const expected = new Bun.CryptoHasher("sha256").update('{"10":0,"9":[true,null],"B":"\\n","a":1.5,"è":"è"}');
    expect(read('{"è":"\\u00e8", "a":1.50, "B":"\\u000a", "9":[true,null], "10":-0}').hash).toBe(
      expected.digest("hex"),
    );
  });

  test("is the same for any order of keys, spacing, escapes and way to write a number", () => {
    const hash = read('{"a":{"x":1,"y":[1,2]},"b":"/"}').hash;
    expect(read('{"b":"\\/", "a":{"y":[1.0,0.2e1],"x":1}}').hash).toBe(hash);
  });

  test("differs for another value, another order of an array, a null or another type", () => {
    const texts = ["[1,2]", "[2,1]", "[1,3]", "[1,2,null]", '["1",2]', "{}", "null"];
    const hashes = texts.map((text) => read(`{"a":${text}}`).hash);
    expect(new Set([...hashes, read("{}").hash]).size).toBe(texts.length + 1);
  });

  test("differs for big numbers whose doubles are the same", () => {
    expect(read('{"n":9007199254740993}').hash).not.toBe(read('{"n":9007199254740992}').hash);
  });
});

describe("repairs", () => {
  test("U+0000 becomes U+FFFD in values and keys, in document, text and count alike", () => {
    const { document, text, repaired } = read('{"a\\u0000":"x\\u0000y\\u0000","b":"\\\\u0000"}');
    expect(document).toEqual({ "a\ufffd": "x\ufffdy\ufffd", b: "\\u0000" });
    expect(JSON.parse(text)).toEqual(document);
    expect(text).not.toContain('"x\\u0000');
    expect(repaired).toBe(3);
  });

  test("lone surrogates become U+FFFD, pairs stay", () => {
    const { document, repaired } = read(
      '{"a":"\\ud800","b":"\\udc00\\ud83d\\ude00","c":"\\uD83D\\uD83D\\uDE00","d":"\\ud83dx"}',
    );
    expect(document).toEqual({ a: "\ufffd", b: "\ufffd😀", c: "\ufffd😀", d: "\ufffdx" });
    expect(repaired).toBe(4);
  });

  test("broken UTF-8 becomes U+FFFD, and one that the sender wrote is not counted", () => {
    const { document, text, repaired } = readBytes('{"a":"', [0xff], "\ufffd", [0xc3], '","b":"è"}');
    expect(document).toEqual({ a: "\ufffd\ufffd\ufffd", b: "è" });
    expect(JSON.parse(text)).toEqual(document);
    expect(repaired).toBe(2);
  });

  test("keys that become equal by repair are one key, and the last one counts", () => {
    const { document, text, repeatedKeys } = read('{"a\\u0000":1,"a\\ud800":2}');
    expect(document).toEqual({ "a\ufffd": 2 });
    expect(JSON.parse(text)).toEqual({ "a\ufffd": 2 });
    expect(repeatedKeys).toBe(1);
  });
});

describe("repeated keys", () => {
  test("the last one wins in document, text and hash", () => {
    const { document, text, hash, repeatedKeys } = read('{"a":1,"b":{"x":1,"x":[2],"x":3},"a":{"y":2}}');
    expect(document).toEqual({ a: { y: 2 }, b: { x: 3 } });
    expect(JSON.parse(text)).toEqual(document);
    expect(text.match(/"[ax]":/g)).toEqual(['"a":', '"x":']);
    expect(hash).toBe(read('{"b":{"x":3},"a":{"y":2}}').hash);
    expect(repeatedKeys).toBe(3);
  });

  test("a big number that wins keeps its text", () => {
    const { text } = read('{"a":1,"a":12345678901234567890}');
    expect(text).toBe('{"a":12345678901234567890}');
  });
});

describe("__proto__ and its like", () => {
  test("are ordinary data and pollute nothing", () => {
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":2},"a":{"__proto__":null,"toJSON":"x"}}';
    const { document, hash } = read(text);
    expect(Object.keys(document)).toEqual(["__proto__", "constructor", "a"]);
    expect(JSON.stringify(document)).toBe(text);
    expect("polluted" in {}).toBe(false);
    expect(hash).not.toBe(read('{"constructor":{"prototype":2},"a":{"toJSON":"x"}}').hash);
  });

  test("also when they are repeated and the text is written anew", () => {
    const { text } = read('{"__proto__":1,"__proto__":{"x":9007199254740993}}');
    expect(text).toBe('{"__proto__":{"x":9007199254740993}}');
  });
});

describe("numbers", () => {
  const safe = [
    "0",
    "-0",
    "1.0",
    "0.1e1",
    "1E2",
    "-1.50",
    "123456789012345",
    "9007199254740992",
    "0.1",
    "1e-7",
    "0e999",
    "5e-324",
    "1e308",
  ];
  const exact = [
    "9007199254740993",
    "12345678901234567890",
    "1e400",
    "-1e400",
    "1e-400",
    "0.10000000000000000555",
    "100000000000000000001",
  ];

  test.each(safe)("%s is the number JavaScript reads", (text) => {
    expect(isValueSafe(text)).toBe(true);
    expect(read(`{"n":${text}}`).document).toEqual({ n: Number(text) });
  });

  test.each(exact)("%s keeps its text in document, stored text and when stored text is read back", (text) => {
    const { document, text: stored } = read(`{"n":[${text}],"n":[${text}]}`);
    expect(stored).toBe(`{"n":[${text}]}`);
    expect(JSON.stringify(document)).toBe(stored);
    expect(JSON.stringify(parseExact(stored))).toBe(stored);
    expect(Array.isArray(document["n"]) && isExact(document["n"][0])).toBe(true);
  });

  test("a document cannot imitate an exact number", () => {
    const { document } = read('{"n":{"rawJSON":"1"}}');
    expect(isExact(document["n"])).toBe(false);
  });

  test("the longest numbers that are taken keep every digit", () => {
    const numbers = [`1${"0".repeat(998)}1`, `0.${"0".repeat(998)}1`];
    expect(read(`{"n":[${numbers.join(",")}]}`).text).toContain(numbers.join(","));
  });
});

describe("what is refused", () => {
  test.each(["", " \n\t ", "\ufeff", "\ufeff  "])("an empty body %j", (text) => {
    expect(refusalOf(() => read(text))).toEqual({
      code: "inventory.empty",
      status: 400,
      message: "invalid inventory data",
      reason: "the body is empty, expected a JSON object",
    });
  });

  test.each([
    ["[]", "expected a JSON object, found an array at offset 0 (line 1, column 1)"],
    ['\n "x"', "expected a JSON object, found a string at offset 2 (line 2, column 2)"],
    ["null", "expected a JSON object, found null at offset 0 (line 1, column 1)"],
    ["12345678901234567890", "expected a JSON object, found a number at offset 0 (line 1, column 1)"],
    ["true", "expected a JSON object, found a boolean at offset 0 (line 1, column 1)"],
  ])("a body that is not an object: %j", (text, reason) => {
    expect(refusalOf(() => read(text))).toMatchObject({ code: "inventory.not_an_object", status: 400, reason });
  });

  test.each([
    ["{", "the data ends where a key or } should follow, at offset 1 (line 1, column 2)"],
    ['{"a"', "the data ends where a colon should follow, at offset 4 (line 1, column 5)"],
    ['{"a":', "the data ends where a value should follow, at offset 5 (line 1, column 6)"],
    ['{"a":1', "the data ends where a comma or a closing bracket should follow, at offset 6 (line 1, column 7)"],
    [
      '{"a":"x',
      "the data ends inside the string that starts at offset 5 (line 1, column 6), at offset 7 (line 1, column 8)",
    ],
    ['{"a":1,}', 'expected a key, found "}", at offset 7 (line 1, column 8)'],
    ['{"a":[1,]}', 'expected a value, found "]", at offset 8 (line 1, column 9)'],
    ['{"a" 1}', 'expected a colon, found "1", at offset 5 (line 1, column 6)'],
    ['{"a":1 "b":2}', 'expected a comma or a closing bracket, found "\\"", at offset 7 (line 1, column 8)'],
    ["{'a':1}", 'expected a key or }, found "\'", at offset 1 (line 1, column 2)'],
    ['{\n  "a": nul\n}', '"nul" is not a JSON value, at offset 9 (line 2, column 8)'],
    ['{"a": NaN}', '"NaN" is not a JSON value, at offset 6 (line 1, column 7)'],
    ['{"a": 01}', '"01" is not a JSON value, at offset 6 (line 1, column 7)'],
    ['{"a": 1.}', '"1." is not a JSON value, at offset 6 (line 1, column 7)'],
    ['{"a": +1}', '"+1" is not a JSON value, at offset 6 (line 1, column 7)'],
    ['{"a":"x\ny"}', "a string holds U+000A, which must be escaped, at offset 7 (line 1, column 8)"],
    ['{"a":"\\x41"}', 'a string holds the unknown escape "\\\\x", at offset 6 (line 1, column 7)'],
    ['{"a":1}}', '"}" follows the end of the document, at offset 7 (line 1, column 8)'],
    ['{"a":1} {"b":2}', '"{" follows the end of the document, at offset 8 (line 1, column 9)'],
    ['{"a":1]', 'expected a comma or a closing bracket, found "]", at offset 6 (line 1, column 7)'],
    ["\u0001", "expected a value, found U+0001, at offset 0 (line 1, column 1)"],
  ])("broken JSON with its place: %j", (text, reason) => {
    expect(refusalOf(() => read(text))).toMatchObject({ code: "inventory.malformed", status: 400, reason });
  });

  test("a document cut off anywhere, always with a reason and a place", async () => {
    const text = (await Bun.file(`${FIXTURES}/nsec-inventory.json`).text()).slice(0, 3000);
    for (let end = 1; end < text.length; end += 7) {
      const { code, reason } = refusalOf(() => read(text.slice(0, end)));
      expect(code).toBe("inventory.malformed");
      expect(reason).toMatch(/the data ends .*, at offset \d+ \(line 1, column \d+\)$/);
    }
  });

  test("nesting one level deeper than allowed, with the bracket's place", () => {
    expect(refusalOf(() => read(`{"è":${"[".repeat(63)}{}${"]".repeat(63)}}`))).toMatchObject({
      code: "inventory.too_deep",
      reason: 'nested deeper than 64 levels: found "{" at offset 68 (line 1, column 69)',
    });
  });

  test("a number or a text that nothing real is as long as, with its place, in linear time", async () => {
    for (const [value, what] of [
      ["1".repeat(1_001), "a number of more than 1000 digits"],
      [`-0.${"0".repeat(1_001)}`, "a number of more than 1000 digits"],
      [`1e${"9".repeat(1_001)}`, "a number of more than 1000 digits"],
      [`"${"x".repeat(1024 ** 2)}"`, undefined],
      [`"${"x".repeat(1024 ** 2 + 1)}"`, "a string of more than 1048576 bytes"],
      ["1".repeat(1_000), undefined],
    ] as const) {
      if (what === undefined) read(`{"a":${value}}`);
      else
        expect(refusalOf(() => read(`{\n"a":${value}}`))).toMatchObject({
          code: "inventory.too_long",
          status: 400,
          reason: expect.stringMatching(new RegExp(`^${what} at offset \\d+ \\(line 2, column \\d+\\)$`)),
        });
    }
    for (const make of [endlessNumber, longestNumbers]) {
      const [one = 0, , four = 0] = await cpuBySize([2_000_000, 4_000_000, 8_000_000], (size) => {
        try {
          readDocument(make(size));
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
        }
      });
      expect(four).toBeLessThan(one * 4 + 100);
    }
  });

  test("ten thousand nested arrays and 10 MB of brackets, in milliseconds of CPU", async () => {
    const bomb = new Uint8Array(10 * 1024 ** 2).fill(0x5b);
    const spentMs = await cpuOf(() => {
      expect(refusalOf(() => readDocument(bomb)).code).toBe("inventory.too_deep");
      expect(refusalOf(() => read(`{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`)).code).toBe("inventory.too_deep");
    });
    expect(spentMs).toBeLessThan(200);
  });

  test("10 MB of broken JSON in linear time", async () => {
    const costs = await cpuBySize([500_000, 1_000_000], (count) => {
      const broken = `{"a":[${"0,".repeat(2 * count)}${'"\\n",'.repeat(count)}`;
      expect(refusalOf(() => read(broken)).code).toBe("inventory.malformed");
    });
    expect(costs[1]).toBeLessThan((costs[0] ?? 0) * 3);
  }, 60_000);
});
