// Which version is newer, as a table: what appliances, modules, distributions and kernels call themselves.
import { describe, expect, test } from "bun:test";
import { compareVersions, parseVersion } from "../../src/values/version.ts";
import { cpuOf } from "../support/cpu.ts";

const order = (left: string, right: string) => {
  const [a, b] = [parseVersion(left), parseVersion(right)];
  if (!a || !b) throw new Error(`no version: ${left} or ${right}`);
  return Math.sign(compareVersions(a, b));
};

const OLDER: [string, string][] = [
  // Dotted numbers, compared as numbers.
  ["8.5.0", "8.6.0"],
  ["8.6.0", "8.6.1"],
  ["8.9.0", "8.10.0"],
  ["3.9.9", "3.18.2"],
  ["1", "2"],
  ["0.9", "1.0"],
  ["12.9", "12.11"],
  ["9.6", "10.0"],
  // Different lengths.
  ["8.6", "8.6.1"],
  ["8", "8.0.1"],
  ["8.6.0", "8.6.0.1"],
  ["8.5.9.9.9", "8.6"],
  // Pre-releases come before their release and after the one before it.
  ["8.6.0-dev+43d54cd33.20251020175318", "8.6.0"],
  ["8.5.9", "8.6.0-dev+43d54cd33.20251020175318"],
  ["8.6.0-dev", "8.6.0-alpha"],
  ["8.6.0-alpha.1", "8.6.0-alpha.2"],
  ["8.6.0-alpha.9", "8.6.0-beta.1"],
  ["8.6.0-beta.2", "8.6.0-beta.10"],
  ["8.6.0-beta", "8.6.0-rc.1"],
  ["8.6.0-rc.1", "8.6.0-rc.2"],
  ["8.6.0-rc.9", "8.6.0-rc.10"],
  ["8.6.0-rc", "8.6.0-rc.1"],
  ["8.6.0-rc.1", "8.6.0"],
  ["8.6.0-rc.1", "8.6"],
  ["2.4.0-testing.3", "2.4.0"],
  ["1.0.0-feature", "1.0.0"],
  ["1.0.0-abc", "1.0.0-abd"],
  ["1.0rc1", "1.0"],
  ["1.0rc1", "1.0rc2"],
  ["1.0a1", "1.0b1"],
  ["1.0b3", "1.0"],
  ["1.0~rc1", "1.0"],
  ["1.0~rc1", "1.0~rc2"],
  ["1.0-1~bpo12", "1.0-1"],
  ["24.10.0-rc7", "24.10.0"],
  ["5.0-snapshot", "5.0"],
  // Revisions and patches come after.
  ["1.0.0", "1.0.0-1"],
  ["1.0.0-1", "1.0.0-2"],
  ["1.0.0-9", "1.0.0-10"],
  ["1.0.0", "1.0.0-patch.1"],
  ["1.0.0", "1.0.0-hotfix2"],
  ["9.6", "9.6p1"],
  ["9.6p1", "9.6p2"],
  ["1.1.1", "1.1.1w"],
  ["1.1.1k", "1.1.1w"],
  ["1.1.1w", "1.1.2"],
  ["1.1.1w", "1.1.1.1"],
  // Kernels.
  ["6.1.0-37-amd64", "6.1.0-38-amd64"],
  ["6.1.0-9-amd64", "6.1.0-10-amd64"],
  ["6.6.86", "6.6.119"],
  ["5.14.0-362.8.1.el9_3.x86_64", "5.14.0-362.13.1.el9_3.x86_64"],
  ["5.14.0-503.el9.x86_64", "6.1.0-37-amd64"],
  ["6.8.0-45-generic", "6.8.0-48-generic"],
  // The firewall's old style and its new one.
  ["8-23.05.5-ns.1.2.3", "8-23.05.5-ns.1.4.0"],
  ["8-23.05.3-ns.1.4.0", "8-23.05.5-ns.1.1.0"],
  ["8-23.05.5-ns.1.4.0", "8.5.0"],
  // Epochs, and numbers that no double holds.
  ["9.9", "1:0.1"],
  ["1:2.0", "2:1.0"],
  ["1.0.99999999999999999998", "1.0.99999999999999999999"],
];

const SAME: [string, string][] = [
  ["8.6.0", "8.6.0"],
  ["8.6", "8.6.0"],
  ["8", "8.0.0"],
  ["v8.6.0", "8.6.0"],
  ["V8.6.0", "8.6.0"],
  [" 8.6.0 ", "8.6.0"],
  ["8.06.0", "8.6.0"],
  ["8.6.0+build.5", "8.6.0"],
  ["8.6.0-dev+43d54cd33.2025", "8.6.0-dev+99999.2026"],
  ["8.6.0-RC.1", "8.6.0-rc1"],
  ["1.0.0-final", "1.0.0"],
  ["6.1.0-37-amd64", "6.1.0-37"],
  ["0:1.0", "1.0"],
  ["1.0-0", "1.0"],
];

const NONE = [
  "",
  " ",
  "latest",
  "main",
  "Rocky Linux 9.6 (Blue Onyx)",
  "9.6 (Blue Onyx)",
  "-1",
  "v",
  "x.1",
  `1.${"0".repeat(100)}`,
];

describe("of two versions", () => {
  test.each(OLDER)("%s is older than %s", (left, right) => {
    expect(order(left, right)).toBe(-1);
    expect(order(right, left)).toBe(1);
  });
  test.each(SAME)("%s is the same as %s", (left, right) => {
    expect(order(left, right)).toBe(0);
    expect(order(right, left)).toBe(0);
  });
});

test.each(NONE)("%j is no version", (text) => {
  expect(parseVersion(text)).toBeUndefined();
});

test("the order is total: a sorted list stays sorted whatever it began as", () => {
  const all = [...new Set([...OLDER, ...SAME].flat())];
  const sort = (texts: string[]) => texts.toSorted((left, right) => order(left, right) || (left < right ? -1 : 1));
  const sorted = sort(all);
  expect(sort(all.toReversed())).toEqual(sorted);
  for (const [at, left] of sorted.entries())
    for (const right of sorted.slice(at + 1)) expect(order(left, right)).toBeLessThanOrEqual(0);
});

test("a hostile text costs little work", async () => {
  const hostile = ["1".repeat(100), "1a".repeat(50), "1-~".repeat(33), `1${".".repeat(99)}`, `1${"-amd64".repeat(16)}`];
  const parseAll = () => {
    for (let round = 0; round < 100; round += 1) hostile.forEach(parseVersion);
  };
  expect(await cpuOf(parseAll)).toBeLessThan(500);
});
