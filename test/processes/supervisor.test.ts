// Processes that cannot start, and what several say as one text: without the gateway around them.
import { describe, expect, test } from "bun:test";
import { labelled, summed } from "../../src/processes/report.ts";
import { ProcessSupervisor } from "../../src/processes/supervisor.ts";
import { testLog } from "../support/run.ts";

const executable = (script: string) => ({
  command: ["/bin/sh", "-c", script, "sh"],
  title: "sh",
  path: "/bin/sh",
  version: "1",
  close: () => {},
});

describe("a supervisor", () => {
  test("ends with the words of a process that cannot start at all, and leaves none running", async () => {
    const specs = ["http-1", "worker"].map((name) => ({
      name,
      roles: ["http"] as const,
      listen: { hostname: "127.0.0.1", port: 1 },
    }));
    // The first one would run on; the second ends at once.
    const pid = `/tmp/muster-test-${process.pid}`;
    const script = `if mkdir ${pid} 2>/dev/null; then exec sleep 30; else exit 3; fi`;
    const supervisor = new ProcessSupervisor({
      specs,
      executable: executable(script),
      env: { PATH: process.env["PATH"] },
      shutdownTimeoutMs: -4_500,
      log: testLog,
    });
    await expect(supervisor.start()).rejects.toThrow(/^(http-1|worker) ended before it was ready: exit code 3\.$/);
    expect(supervisor.report.describe().map((one) => one.pid)).toEqual([null, null]);
    Bun.spawnSync(["rmdir", pid]);
  }, 60_000);
});

describe("metrics of several processes", () => {
  test("are one family each, with the process as a label", () => {
    const text = (count: number) =>
      `# HELP a_total Help.\n# TYPE a_total counter\na_total{route="/x"} ${count}\n\n# HELP b B.\n# TYPE b gauge\nb ${count}\n`;
    expect(
      labelled(
        new Map([
          ["http-1", text(1)],
          ["http-2", text(2)],
        ]),
      ),
    ).toBe(
      [
        "# HELP a_total Help.",
        "# TYPE a_total counter",
        'a_total{process="http-1",route="/x"} 1',
        'a_total{process="http-2",route="/x"} 2',
        "",
        "# HELP b B.",
        "# TYPE b gauge",
        'b{process="http-1"} 1',
        'b{process="http-2"} 2',
        "",
      ].join("\n"),
    );
  });

  test("jobs are summed over the processes that ran them", () => {
    const one = { running: 1, done: 2, failed: 3, buried: 4, lastActivityAt: null };
    expect(summed([{ a: one }, { a: { ...one, done: 5 }, b: one }])).toEqual({
      a: { running: 2, done: 7, failed: 6, buried: 8, lastActivityAt: null },
      b: one,
    });
  });
});
