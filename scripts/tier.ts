// Runs one tier of the tests for `.ci/run`, and notes what failed in it, for the end of the output is all that many read.
// Usage: bun scripts/tier.ts REPORTS NAME [--again] COMMAND…
// REPORTS/counts gets a line "passed failed", REPORTS/failures every failed test with its file and its error. With --again,
// a file in which a test failed is run once more, alone: if it passes then, its failures are reported as FLAKY and fail nothing.
import { appendFileSync } from "node:fs";
import { join } from "node:path";

interface FailedTest {
  file: string;
  name: string;
  /** What the runner said before it. */
  error: string;
}

interface Outcome {
  passed: number;
  failed: FailedTest[];
  /** Of the command itself. */
  code: number;
  lastLines: string;
}

/** A test that logs much must not hide the others. */
const ERROR_LINES = 40;
/** More than this is no flake: the machine, or the change, is at fault. */
const FILES_AGAIN = 10;

async function run(command: string[]): Promise<Outcome> {
  const child = Bun.spawn(["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", ...command], {
    stdin: "ignore",
    stdout: "pipe",
  });
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of child.stdout) {
    process.stdout.write(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  const code = await child.exited;
  return { ...read(text), code, lastLines: text.trimEnd().split("\n").slice(-ERROR_LINES).join("\n") };
}

/** The runner names a file, then says what a test logged and threw, then the test itself. */
function read(text: string): Pick<Outcome, "passed" | "failed"> {
  const failed: FailedTest[] = [];
  let passed = 0;
  let file = "";
  let said: string[] = [];
  let rulers = 0;
  const fail = (name: string, where = file) =>
    failed.push({ file: where, name, error: said.slice(-ERROR_LINES).join("\n").trim() });
  // A long run ends with a list of what failed and what was skipped, which names no file.
  const [course = ""] = Bun.stripANSI(text).split(/^\d+ tests? (?:failed|skipped|todo):$/m);
  for (const line of course.split("\n")) {
    const header = /^(\S+\.ts):$/.exec(line)?.[1];
    const [, crashed, how = ""] = /^✗ (\S+\.ts) (\(worker crashed.*)$/.exec(line) ?? [];
    const [, is, name = ""] = /^\((pass|fail|skip|todo)\) (.*?)(?: \[[\d.]+m?s\])?$/.exec(line) ?? [];
    if (rulers > 0 && /^-{20,}$/.test(line)) {
      rulers -= 1;
      // Beside another worker's, the last file that was named may be another one than the error's.
      if (rulers === 0) fail("between its tests", /\b(test\/[^\s:]+\.ts):\d+:\d+/.exec(said.join("\n"))?.[1]);
    } else if (line === "# Unhandled error between tests") rulers = 2;
    if (is === "pass") passed += 1;
    if (is === "fail") fail(name);
    if (header ?? crashed) file = header ?? crashed ?? "";
    if (crashed) fail(how);
    const last = failed.at(-1);
    if (line.startsWith("  ^ ") && last) last.error += `\n${line}`;
    else if (is || header || crashed) said = [];
    else said.push(line);
  }
  return { passed, failed };
}

const describe = ({ file, name, error }: FailedTest) =>
  `${file}: ${name}\n${error.replace(/^\n+/, "").replace(/^/gm, "    ")}\n`;

const [reports = "", tier = "", ...rest] = process.argv.slice(2);
const isTriedAgain = rest[0] === "--again";
const first = await run(isTriedAgain ? rest.slice(1) : rest);
const files = [...new Set(first.failed.map(({ file }) => file))];
const flaky: FailedTest[] = [];
let failed = first.failed;
if (isTriedAgain && files.length <= FILES_AGAIN) {
  for (const file of files) {
    console.log(`\n== ${tier}: ${file} once more, alone`);
    const second = await run([process.execPath, "test", "--timeout=60000", `./${file}`]);
    const before = failed.filter((one) => one.file === file);
    const after = second.failed.map((one) => ({ ...one, file }));
    if (second.code === 0) flaky.push(...before);
    failed = [...failed.filter((one) => one.file !== file), ...(second.code === 0 ? [] : [...after, ...before])];
  }
}
// Two tests of one name, or one that failed twice, is said once.
failed = failed.filter(
  (one, at) => failed.findIndex(({ file, name }) => file === one.file && name === one.name) === at,
);
if (first.failed.length === 0 && (first.code !== 0 || first.passed === 0)) {
  failed = [{ file: rest.join(" "), name: `ended with ${first.code}`, error: first.lastLines }];
}
const report = (what: string, tests: FailedTest[]) => tests.map((one) => `\n${what} in ${tier}: ${describe(one)}`);
appendFileSync(join(reports, "failures"), [...report("FAILED", failed), ...report("FLAKY", flaky)].join(""));
appendFileSync(join(reports, "counts"), `${first.passed + flaky.length} ${failed.length}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
