// What the command line says about itself, and to those who misuse it.
import { describe, expect, test } from "bun:test";
import { version } from "../../package.json";
import { commandJson, runCommand } from "../support/command.ts";

const VERBS = ["serve", "systems", "backups", "tokens", "queues", "doctor", "health", "migrate", "config", "version"];

describe("help", () => {
  test.each([[[]], [["help"]], [["--help"]], [["-h"]]])(
    "%j lists every verb with what it does",
    async (args) => {
      const { code, stdout, stderr } = await runCommand(args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      for (const verb of VERBS) expect(stdout).toMatch(new RegExp(`^  ${verb} +[A-Z].+\\.$`, "m"));
    },
    60_000,
  );

  test.each(VERBS)(
    "muster %s --help says how it is used",
    async (verb) => {
      const [long, short, asked] = await Promise.all([
        runCommand([verb, "--help"]),
        runCommand([verb, "-h"]),
        runCommand(["help", verb]),
      ]);
      expect(long).toMatchObject({ code: 0, stderr: "" });
      expect(long.stdout).toContain(`muster ${verb}`);
      expect(short).toEqual(long);
      expect(asked).toEqual(long);
    },
    60_000,
  );

  test("help for what a verb can do is the verb's help", async () => {
    const { code, stdout } = await runCommand(["systems", "rotate", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("--overlap");
  }, 60_000);
});

describe("misuse ends with 2, says what is wrong, and prints nothing on stdout", () => {
  test.each([
    [["frobnicate"], 'There is no verb "frobnicate"'],
    [["sytems", "list"], 'There is no verb "sytems". Did you mean "systems"?'],
    [["frobnicate", "--help"], 'There is no verb "frobnicate"'],
    [["help", "frobnicate"], 'There is no verb "frobnicate"'],
    [["version", "--colour"], "--colour"],
    [["version", "extra"], 'Unexpected "extra"'],
    [["serve", "--port", "80"], "--port"],
    [["systems"], "Missing action: add, list, show, "],
    [["systems", "explode"], 'There is no "systems explode"'],
    [["systems", "lsit"], 'There is no "systems lsit". Did you mean "list"?'],
    [["inventory", "noise", "unpim", "/a"], 'There is no "inventory noise unpim". Did you mean "noise unpin"?'],
    [["systems", "list", "--organisation", "a"], 'no option --organisation. Did you mean "--organization"?'],
    [["systems", "add"], "--name is missing"],
    [["systems", "add", "--name", "x".repeat(256)], "--name must be a string of 1 to 255 characters"],
    [["systems", "show"], "KEY is missing"],
    [["systems", "show", "a", "b"], 'Unexpected "b"'],
    [["systems", "list", "--limit", "0", "--status", "asleep"], "--status must be one of unknown"],
    [
      ["systems", "list", "--limit", "0", "--status", "asleep"],
      '--limit must be a whole number from 1 to 200, got "0"',
    ],
    [["systems", "changes", "KEY", "--from", "yesterday"], "--from must be a date and time"],
    [["systems", "changes", "KEY", "--type", "explosion"], "--type must"],
    [["systems", "rotate", "KEY", "--overlap", "3y"], "--overlap must be a duration such as 30s, 10m or 1h30m"],
    [["systems", "delete", "KEY"], "add --yes"],
    [["tokens"], "Missing action: add, list, revoke."],
    [["tokens", "add"], "--name is missing"],
    [["tokens", "revoke"], "ID or NAME is missing"],
    [["queues", "list"], "QUEUE is missing"],
    [["queues", "list", "q", "--state", "lost"], "--state must be one of dead, pending, delayed, active"],
    [["queues", "list", "q", "--limit", "-1"], "--limit"],
    [["queues", "explode"], 'There is no "queues explode"'],
    [["config", "--json", "--markdown"], "exclude each other"],
  ])(
    "muster %j",
    async (args, sentence) => {
      // No database is asked: none is there.
      const env = { DATABASE_URL: "postgres://127.0.0.1:1/none" };
      const { code, stdout, stderr } = await runCommand(args, env);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain(sentence);
    },
    60_000,
  );
});

test("version is the package's, in words and as JSON", async () => {
  expect((await runCommand(["version"])).stdout).toBe(
    `muster ${version} (bun ${Bun.version}, ${process.platform}-${process.arch})\n`,
  );
  expect((await runCommand(["--version"])).stdout).toStartWith(`muster ${version} `);
  expect(await commandJson(["version"])).toMatchObject({ version, bun: Bun.version });
}, 60_000);

test.each([[["serve"]], [["systems", "list"]]])(
  "muster %j without its database sends one to doctor",
  async (words) => {
    const env = { DATA_DIR: "/nonexistent", DATABASE_URL: "postgres://127.0.0.1:1/none" };
    const { code, stderr } = await runCommand(words, env);
    expect(code).toBe(1);
    expect(stderr).toStartWith("The database is not available right now.\n");
    expect(stderr).toEndWith('\n"muster doctor" says what to do.\n');
  },
  60_000,
);
