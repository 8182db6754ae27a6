// Runs tiers of tests as `.ci/run` does: its last lines name each test that failed, and where, and why.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/program.ts";
import { temporaryDirectory } from "../support/run.ts";

const PATIENT_MS = 120_000;

async function runTier(options: string[], command: string[]) {
  const reports = temporaryDirectory("reports");
  const child = Bun.spawn([process.execPath, join(ROOT, "scripts/tier.ts"), reports, "unit", ...options, ...command], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", FLAKY_NOTE: reports },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const [output, code] = await Promise.all([child.stdout.text(), child.exited]);
  const report = (name: string) => {
    const path = join(reports, name);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  };
  return { output, code, failures: report("failures"), counts: report("counts") };
}

const bunTest = (...names: string[]) => [
  process.execPath,
  "test",
  "--parallel=2",
  ...names.map((name) => `./test/harness/${name}.run.ts`),
];

test(
  "every failure is repeated with its file and its error, and counted",
  async () => {
    const { code, output, failures, counts } = await runTier([], bunTest("bad", "broken", "crashing", "flaky"));
    expect(code).toBe(1);
    expect(output).toContain("(fail) is bad");
    expect(failures).toMatch(/FAILED in unit: test\/harness\/bad.run.ts: is bad\n(.*\n)*? {4}Expected: "that"/);
    expect(failures).toContain("what it logged");
    expect(failures).toMatch(/bad.run.ts: is late\n.*timed out after 50ms/);
    expect(failures).toMatch(/broken.run.ts: between its tests\n(.*\n)*? {4}error: thrown while the file is loaded/);
    expect(failures).toMatch(/crashing.run.ts: \(worker crashed/);
    expect(failures).toContain("flaky.run.ts: is good alone");
    expect(failures).not.toMatch(/^FLAKY/m);
    expect(counts).toBe("26 5\n");
  },
  PATIENT_MS,
);

test(
  "a file that passes alone is reported as flaky and fails nothing; one that fails again does",
  async () => {
    const flaky = await runTier(["--again"], bunTest("flaky"));
    expect(flaky.failures).toContain("FLAKY in unit: test/harness/flaky.run.ts: is good alone\n");
    expect(flaky.failures).not.toMatch(/^FAILED/m);
    expect({ code: flaky.code, counts: flaky.counts }).toEqual({ code: 0, counts: "26 0\n" });

    const mixed = await runTier(["--again"], bunTest("flaky", "bad"));
    expect(mixed.failures).toContain("FLAKY in unit: test/harness/flaky.run.ts: is good alone\n");
    expect(mixed.failures).toContain("FAILED in unit: test/harness/bad.run.ts: is bad\n");
    expect({ code: mixed.code, counts: mixed.counts }).toEqual({ code: 1, counts: "27 2\n" });
  },
  PATIENT_MS,
);

test(
  "a command that fails without a test, or runs none, fails with its last lines",
  async () => {
    const broken = await runTier([], ["/bin/sh", "-c", "echo no such thing >&2; exit 3"]);
    expect(broken.failures).toContain("ended with 3\n    no such thing\n");
    expect({ code: broken.code, counts: broken.counts }).toEqual({ code: 1, counts: "0 1\n" });
    expect(await runTier([], ["/bin/true"])).toMatchObject({ code: 1, counts: "0 1\n" });
  },
  PATIENT_MS,
);
