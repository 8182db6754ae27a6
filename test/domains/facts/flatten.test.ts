// Checks how a document becomes facts: which leaves count, how their paths are written, and how two documents are compared.
import { describe, expect, test } from "bun:test";
import { openFlatten, MAX_FACTS } from "../../../src/domains/facts/flatten.ts";
import { compareHashes } from "../../../src/domains/facts/hashes.ts";
import { parseExact } from "../../../src/values/json/value.ts";
import type { JsonObject } from "../../../src/values/json/value.ts";
import { cpuBySize } from "../../support/cpu.ts";
import { seeded } from "../../support/random.ts";

const open = () =>
  openFlatten({
    isNoise: (path) => path.includes("noise"),
  });
const flatten = open();
const factsOf = (document: unknown, type = "ns8") => {
  const { hashes, fact } = flatten(type, document as JsonObject);
  return [...hashes].map((hash) => `${fact(hash).path} = ${fact(hash).value}`);
};

describe("a document's facts", () => {
  test("are its scalars, under quoted keys, identities and []", () => {
    expect(
      factsOf({
        facts: {
          version: "8.6.0",
          on: true,
          none: null,
          network: { "eth0.6": { type: "vlan" } },
          mountpoints: { "/": { fs: "ext4" }, "/mnt/data": { fs: "xfs" } },
          modules: [
            { id: "mail1", version: "1.0" },
            { id: "my mail", version: "2.0" },
          ],
          dns: ["1.1.1.1", "8.8.8.8"],
          anonymous: [{ label: "x" }, { label: "y" }],
          deep: [[1, 2]],
          noise: { anything: 1 },
          empty: {},
          emptyList: [],
        },
      }),
    ).toEqual([
      'facts.version = "8.6.0"',
      "facts.on = true",
      "facts.none = null",
      'facts.network."eth0.6".type = "vlan"',
      'facts.mountpoints."/".fs = "ext4"',
      'facts.mountpoints."/mnt/data".fs = "xfs"',
      'facts.modules.mail1.id = "mail1"',
      'facts.modules.mail1.version = "1.0"',
      'facts.modules."my mail".id = "my mail"',
      'facts.modules."my mail".version = "2.0"',
      'facts.dns[] = "1.1.1.1"',
      'facts.dns[] = "8.8.8.8"',
      'facts.anonymous[].label = "x"',
      'facts.anonymous[].label = "y"',
      "facts.deep[][] = 1",
      "facts.deep[][] = 2",
    ]);
  });

  test("tell a text from the number that is written like it, and keep big numbers exact", () => {
    const { hashes } = flatten("ns8", { a: "1", b: 1 });
    const other = flatten("ns8", { a: 1, b: "1" });
    expect(compareHashes(hashes, other.hashes).added).toHaveLength(2);
    expect(factsOf(parseExact('{"n": 12345678901234567890, "m": 1e400}'))).toEqual([
      "n = 12345678901234567890",
      "m = 1e400",
    ]);
    const one = flatten("ns8", parseExact('{"n": 12345678901234567890}') as JsonObject);
    const two = flatten("ns8", parseExact('{"n": 12345678901234567891}') as JsonObject);
    expect(compareHashes(one.hashes, two.hashes).added).toHaveLength(1);
  });

  test("are others on a system of another type, and the same in another process", () => {
    expect(compareHashes(flatten("ns8", { a: 1 }).hashes, flatten("nsec", { a: 1 }).hashes).added).toHaveLength(1);
    expect(open()("ns8", { a: 1 }).hashes).toEqual(flatten("ns8", { a: 1 }).hashes);
  });

  test("leave out long texts and long paths, and nothing beside them", () => {
    expect(factsOf({ long: "x".repeat(201), fits: "x".repeat(200), ["k".repeat(501)]: 1, z: 1 })).toEqual([
      `fits = "${"x".repeat(200)}"`,
      "z = 1",
    ]);
  });

  test("end at a limit, which is said", () => {
    const many = Object.fromEntries(Array.from({ length: 200_000 }, (_, at) => [`key${at}`, at]));
    const { hashes, truncated } = flatten("ns8", many);
    expect(hashes).toHaveLength(MAX_FACTS);
    expect(truncated).toBe(true);
    expect(flatten("ns8", { a: 1 }).truncated).toBe(false);
    const noise = flatten("ns8", { noise: many, after: 1 });
    expect([noise.hashes.length, noise.truncated]).toEqual([0, true]);
  }, 240_000);
});

describe("hashes", () => {
  test("are compared as sets, whatever moved or is repeated", () => {
    const random = seeded(7);
    for (let round = 0; round < 300; round++) {
      const list = () =>
        Float64Array.from({ length: 200 - Math.floor(random.next() * 2) }, (_, at) =>
          random.next() < 0.1 ? random.int(50) : at,
        );
      const [before, now] = [list(), round % 3 === 0 ? list().reverse() : list()];
      const { added, removed } = compareHashes(before, now);
      const [were, are] = [new Set(before), new Set(now)];
      expect(new Set(added)).toEqual(are.difference(were));
      expect(new Set(removed)).toEqual(were.difference(are));
      expect(added.length + removed.length).toBe(new Set([...added, ...removed]).size);
    }
  });
});

test("spelling out every fact of a document takes time that grows with their number", async () => {
  const [one = 0, , four = 0] = await cpuBySize([5_000, 10_000, 20_000], (count) => {
    const document = Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, at]));
    const { hashes, fact } = open()("any", document);
    for (const hash of hashes) fact(hash);
  });
  expect(four).toBeLessThan(8 * one + 25);
}, 240_000);
