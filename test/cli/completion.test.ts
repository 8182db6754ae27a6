// Shell completion, typed into a real bash.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../support/command.ts";
import { temporaryDirectory } from "../support/run.ts";
import { SOURCES } from "../support/program.ts";

const offered = async (...words: string[]) => {
  const { code, stdout, stderr } = await runCommand(["complete", ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [line.split("\t")[0]]));
};

describe("what is offered", () => {
  test.each([
    [["sys"], ["systems"]],
    [["help", "to"], ["tokens"]],
    [
      ["systems", "r"],
      ["resume", "rotate"],
    ],
    [["systems", "list", "--st"], ["--status"]],
    [
      ["systems", "list", "--status", ""],
      ["active", "inactive", "unknown", "suspended"],
    ],
    [["systems", "list", "--status", "=", "in"], ["inactive"]],
    [["systems", "list", "--status", "active", "--s"], ["--search"]],
    [
      ["inventory", "noise", ""],
      ["pin", "unpin"],
    ],
    [
      ["inventory", "noise", "pin", "--"],
      ["--suppress", "--show", "--fold", "--json", "--help"],
    ],
    [["queues", "l"], ["list"]],
    [["queues", "redrive", "q", "--id", "1", "--i"], ["--id"]],
    [["restore", ""], [":files"]],
    [["backups", "get", "x", "-o", ""], [":files"]],
    [["systems", "frobnicate", ""], []],
    [["frobnicate", ""], []],
    [["systems", "show", ""], []],
  ])("after muster %j", async (words, expected) => expect<unknown>(await offered(...words)).toEqual(expected), 60_000);

  test("every verb with what it does, and help", async () => {
    const { stdout } = await runCommand(["complete", ""]);
    expect(stdout).toMatch(/^systems\tAdd, list/m);
    expect(stdout).toMatch(/^help\t/m);
    expect(stdout).not.toMatch(/^(process|complete)\b/m);
  }, 60_000);
});

describe("bash", () => {
  let directory: string;
  beforeAll(() => {
    directory = temporaryDirectory("completion");
    mkdirSync(join(directory, "bin"));
    writeFileSync(join(directory, "bin/muster"), `#!/bin/sh\nexec ${SOURCES.join(" ")} "$@"\n`);
    chmodSync(join(directory, "bin/muster"), 0o755);
    writeFileSync(join(directory, "fleet.tar.zst"), "");
  }, 60_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }), 60_000);

  /** What a terminal with bash in it shows once the keys were completed to the given line. */
  const shows = async (keys: string, line: string): Promise<string> => {
    const child = Bun.spawn(["script", "-qec", "bash --noprofile --norc -i", "/dev/null"], {
      cwd: directory,
      env: { PATH: `${directory}/bin:${process.env["PATH"]}`, HOME: directory, TERM: "dumb", PS1: "> " },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    let seen = "";
    const type = (text: string) => {
      void child.stdin.write(text);
      void child.stdin.flush();
    };
    type("source <(muster completion bash); echo rea''dy\n");
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      const wasReady = seen.includes("ready\r\n");
      seen += decoder.decode(chunk, { stream: true });
      if (!wasReady && seen.includes("ready\r\n")) type(`${keys}\t`);
      // Ctrl-U clears the line, so that it is not run.
      if (!seen.includes(line)) continue;
      type("\x15exit\n");
      break;
    }
    await child.exited;
    return seen;
  };

  test.skipIf(!Bun.which("script")).each([
    ["muster sys", "muster systems "],
    ["muster systems list --stat", "muster systems list --status "],
    ["muster systems list --status susp", "muster systems list --status suspended "],
    ["muster restore fl", "muster restore fleet.tar.zst "],
  ])("%j and the tab key make %j", async (keys, line) => expect(await shows(keys, line)).toContain(line), 30_000);
});
