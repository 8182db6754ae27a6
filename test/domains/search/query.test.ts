// Checks the query language: what it accepts, and how it refuses the rest.
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../src/errors.ts";
import { compareValue } from "../../../src/domains/search/language/order.ts";
import { compilePath, formatPath } from "../../../src/domains/search/language/path.ts";
import { compareVersions, parseVersion } from "../../../src/values/version.ts";
import { parsePath, parseQuery } from "../../../src/domains/search/language/query.ts";

const read = (text: string) =>
  parseQuery(text).map(({ path, operator, operand }) => [
    path,
    operator,
    ...(operand ? [operand.text, operand.quoted] : []),
  ]);

describe("understands", () => {
  test.each([
    ['facts.distro.version = "8.6.0"', [["facts.distro.version", "=", "8.6.0", true]]],
    ["facts.distro.version=8.6.0", [["facts.distro.version", "=", "8.6.0", false]]],
    [
      "a.b EXISTS AND c missing",
      [
        ["a.b", "exists"],
        ["c", "missing"],
      ],
    ],
    [
      "a >= 1 and b<2 and c != true",
      [
        ["a", ">=", "1", false],
        ["b", "<", "2", false],
        ["c", "!=", "true", false],
      ],
    ],
    ['facts.net."eth0.6".type = vlan', [['facts.net."eth0.6".type', "=", "vlan", false]]],
    ['facts.mountpoints."/mnt/data".fs exists', [['facts.mountpoints."/mnt/data".fs', "exists"]]],
    ["facts.mountpoints./mnt/data.fs exists", [['facts.mountpoints."/mnt/data".fs', "exists"]]],
    ['"plain".b exists', [["plain.b", "exists"]]],
    ['a."say \\"hi\\"" = "a \\u00e9 \\\\"', [['a."say \\"hi\\""', "=", "a é \\", true]]],
    ['a."*".b exists', [['a."*".b', "exists"]]],
    ["a.*.b = x", [["a.*.b", "=", "x", false]]],
    ["dns[] = 1.1.1.1", [["dns[]", "=", "1.1.1.1", false]]],
    ['"x y"[].k exists', [['"x y"[].k', "exists"]]],
    ["exists exists", [["exists", "exists"]]],
    [
      "and = and and and = and",
      [
        ["and", "=", "and", false],
        ["and", "=", "and", false],
      ],
    ],
    ['a = ""', [["a", "=", "", true]]],
  ])("%s", (text, terms) => {
    expect(read(text)).toEqual(terms as ReturnType<typeof read>);
  });
});

describe("names the fault and its place", () => {
  test.each([
    ["", 1, "expected a path"],
    ["a", 2, "expected one of"],
    ["a b", 3, 'found "b"'],
    ["a =", 4, "expected a value, found the end"],
    ["a = 1 or b = 2", 7, 'expected "and"'],
    ["a = 1 and", 10, "expected a path"],
    ["a..b exists", 3, "expected a path"],
    ['a."b exists', 3, "quotation mark that no other one closes"],
    ['a = "\\q"', 5, "is not a JSON string"],
    ["a.b* = 1", 3, "whole segment"],
    ["a.[] = 1", 3, "expected a name before []"],
    ["a existsx", 3, "expected one of"],
    ["a = 1; drop table systems", 8, 'found "drop"'],
    ["a == 1", 4, "expected a value"],
    [`${"a exists and ".repeat(10)}a exists`, 130, "more than 10 conditions"],
    [`${"a.".repeat(70)}a exists`, 129, "more than 64 segments"],
    ["a".repeat(2001), 2001, "longer than 2000"],
  ])("%#: %s", (text, character, reason) => {
    const fault = (() => {
      try {
        parseQuery(text);
      } catch (error) {
        return error;
      }
    })();
    expect(fault).toBeInstanceOf(Failure);
    expect(fault).toMatchObject({ status: 400, code: "fleet.query", data: { character } });
    expect((fault as Failure).message).toContain(reason);
  });

  test("a path alone ends where it ends", () => {
    expect(parsePath(" a.b ").path).toBe("a.b");
    expect(() => parsePath("a.b = 1")).toThrow("at character 5: expected the path to end");
  });
});

describe("a path pattern", () => {
  const matches = (pattern: string, path: string) => new RegExp(parsePath(pattern).pattern.regex).test(path);

  test("takes one segment for *, quoted or not", () => {
    expect(matches("a.*.c", "a.b.c")).toBe(true);
    expect(matches("a.*.c", 'a."b.x".c')).toBe(true);
    expect(matches("a.*.c", 'a."say \\"b.c\\"".c')).toBe(true);
    expect(matches("a.*.c", "a.b.b.c")).toBe(false);
    expect(matches("a.*", "a.dns[]")).toBe(true);
    expect(matches("a.*", "a")).toBe(false);
  });

  test("takes every sign of a name literally", () => {
    for (const name of [
      "a+b",
      "(x)",
      "a|b",
      "$schema",
      "c:\\d",
      "^",
      "[x]",
      "a{2}",
      "eth0.6",
      "/mnt/data",
      '"',
      "é ü",
      "*",
    ]) {
      const path = formatPath([
        { name: "facts", marks: "" },
        { name, marks: "" },
      ]);
      const { regex, regexBelow, exact } = compilePath([
        { name: "facts", marks: "" },
        { name, marks: "" },
      ]);
      expect(exact).toBe(path);
      expect(new RegExp(regex).test(path)).toBe(true);
      expect(new RegExp(regexBelow).test(`${path}.below`)).toBe(true);
      expect(new RegExp(regexBelow).test(`${path}x`)).toBe(false);
      expect(parsePath(path).path).toBe(path);
    }
  });
});

describe("versions", () => {
  test("are ordered as people order them", () => {
    const ordered = [
      "1.9",
      "1.10.0-rc.1",
      "1.10.0-rc.2",
      "1.10",
      "1.10.0-1",
      "1.10.0-37-amd64",
      "1.10.1",
      "v2",
      "10.0",
      "20250101120000123456",
    ];
    const text = (version: string) => JSON.stringify(version);
    for (const [at, left] of ordered.entries())
      for (const [other, right] of ordered.entries())
        expect(`${left} ${Math.sign(compareValue(text(left), right) ?? NaN)} ${right}`).toBe(
          `${left} ${Math.sign(at - other)} ${right}`,
        );
    expect(compareValue('"8.6"', "8.6.0")).toBe(0);
    expect(compareValue('"8.6.0+a"', "8.6.0+b")).toBe(0);
  });

  test("are ordered as compliance orders them", () => {
    const versions = [
      "1.0",
      "1.0-rc1",
      "1.0~rc1",
      "1.0.1",
      "1.0-1",
      "1.0a",
      "1.0a1",
      "2:0.9",
      "6.1.0-37-amd64",
      "6.1.0-38-cloud-amd64",
    ];
    for (const left of versions)
      for (const right of versions) {
        const [one, other] = [parseVersion(left), parseVersion(right)];
        if (!one || !other) throw new Error(`no version: ${left} or ${right}`);
        expect(compareValue(JSON.stringify(left), right)).toBe(compareVersions(one, other));
      }
  });

  test("numbers beyond a double are told apart", () => {
    const ordered = [
      "-1e400",
      "-9007199254740993",
      "-9007199254740992",
      "-0.1",
      "0",
      "1e-400",
      "9007199254740992",
      "9007199254740993",
      "9007199254740993.5",
      "1e400",
    ];
    for (const [at, left] of ordered.entries())
      for (const [other, right] of ordered.entries()) expect(compareValue(left, right)).toBe(Math.sign(at - other));
  });

  test("numbers are compared as numbers, and nothing else with them", () => {
    expect(compareValue("0.5", "0.25")).toBe(1);
    expect(compareValue('"0.5"', "0.25")).toBeLessThan(0);
    expect(compareValue("-3", "2")).toBeLessThan(0);
    for (const stored of ["true", "null", '"enterprise"', '""']) expect(compareValue(stored, "1")).toBeUndefined();
    expect(compareValue("5", "x")).toBeUndefined();
    expect(compareValue('"5"', "x")).toBeUndefined();
  });
});
