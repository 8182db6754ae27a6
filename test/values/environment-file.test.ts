// Settings files are read as systemd reads them; where systemd is installed, its own reader is asked.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnvironmentFile } from "../../src/config/environment-file.ts";
import { temporaryDirectory } from "../support/run.ts";

/** What stands behind `BUILD_ID=`, and what it means. */
const CASES: [text: string, value: string][] = [
  ["plain", "plain"],
  ["30 2 * * *", "30 2 * * *"],
  ["http,  worker, scheduler", "http,  worker, scheduler"],
  ["postgres://me:p&ss@db/muster?a=1&b=$HOME", "postgres://me:p&ss@db/muster?a=1&b=$HOME"],
  ["  spaces around  ", "spaces around"],
  ["\ttab\t", "tab"],
  ["", ""],
  ["'single $HOME `id` \\n'", "single $HOME `id` \\n"],
  ['"double \\$HOME \\`id\\` \\" \\\\ \\n"', 'double $HOME `id` " \\ \\n'],
  ['"  kept  "', "  kept  "],
  ["'two' \"parts\"", "twoparts"],
  ['"quoted" then plain', "quotedthen plain"],
  ["plain \"quotes\" 'stay'", "plain \"quotes\" 'stay'"],
  ["it's", "it's"],
  ['a\\ b\\\\c\\"d', 'a b\\c"d'],
  ["\\ leading", " leading"],
  ["trailing\\ ", "trailing "],
  ["trailing\\  ", "trailing "],
  ["one \\\ntwo", "one two"],
  ["one\\\n  two", "one  two"],
  ["\\\ncontinued", "continued"],
  ['"one \\\ntwo"', "one two"],
  ['"line\nbreak"', "line\nbreak"],
  ["'line\nbreak'", "line\nbreak"],
  ["value # no comment", "value # no comment"],
  ["#value", "#value"],
  ["a=b=c", "a=b=c"],
  ["übung €", "übung €"],
  ['"never closed', "never closed"],
  ["ends in a backslash\\", "ends in a backslash"],
  ["crlf\r", "crlf"],
];

describe("one value", () => {
  test.each(CASES)("%j is %j", (text, value) => {
    expect(parseEnvironmentFile(`BUILD_ID=${text}`).values).toEqual({ BUILD_ID: value });
    if (!/^["'][^"']*$|\\$/.test(text)) expect(parseEnvironmentFile(`BUILD_ID=${text}\nB=2`).values["B"]).toBe("2");
  });
});

describe("a file", () => {
  test("has comments, empty lines, spaces around names, and the last of two counts", () => {
    const text = "# A=1\n; B=2\n\n   C = 3\n\tD=4\nD=5\nE\n#continued \\\nF=6\n";
    expect(parseEnvironmentFile(text)).toEqual({ values: { C: "3", D: "5", F: "6" }, ignored: [] });
  });

  test("names what is no name, and goes on", () => {
    const read = parseEnvironmentFile("export A=1\n1B=2\n=3\nC-D=4\nE=5\n");
    expect(read).toEqual({ values: { E: "5" }, ignored: ["export A", "1B", "C-D"] });
  });

  test("costs what it is long", () => {
    const costOf = (length: number) => {
      const text = 'A=" \\\n\\$ '.repeat(length / 10);
      const before = process.cpuUsage();
      parseEnvironmentFile(text);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    costOf(400_000);
    expect(costOf(1_600_000)).toBeLessThan(16 * Math.max(costOf(400_000), 2_000));
  });
});

const tmpfiles = Bun.which("systemd-tmpfiles");
describe.skipIf(!tmpfiles)("systemd's own reader", () => {
  let root: string;
  beforeAll(() => {
    root = temporaryDirectory("systemd");
    mkdirSync(join(root, "etc"));
  }, 60_000);
  afterAll(() => rmSync(root, { recursive: true, force: true }), 60_000);

  /** systemd reads os-release by the same rules, and systemd-tmpfiles writes what BUILD_ID is there. */
  const asSystemd = (file: string): string => {
    writeFileSync(join(root, "etc/os-release"), file);
    rmSync(join(root, "out"), { force: true });
    Bun.spawnSync([tmpfiles ?? "", `--root=${root}`, "--create", "-"], { stdin: Buffer.from("f /out - - - - %B\n") });
    return readFileSync(join(root, "out"), "utf8");
  };

  test.each(CASES)("reads %j the same", (text, value) => expect(asSystemd(`ID=x\nBUILD_ID=${text}`)).toBe(value));
});
