// Runs the README's commands as they stand.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT, startGateway } from "../support/program.ts";
import type { Gateway } from "../support/program.ts";
import { diskDirectory } from "../support/run.ts";

const README = await Bun.file(join(ROOT, "README.md")).text();
const FENCE = /^```(\w*)\n([^]*?)^```$/gm;
/** Blocks marked `sh` are run, in order, in one shell; those marked otherwise are to be read. */
const BLOCKS = [...README.matchAll(FENCE)].filter((match) => match[1] === "sh").map((match) => match[2] ?? "");

describe("its commands", () => {
  let directory: string;
  let gateway: Gateway;
  beforeAll(async () => {
    directory = diskDirectory("readme");
    gateway = await startGateway({ env: { DATA_DIR: directory } });
  }, 300_000);
  afterAll(async () => {
    await gateway.stop();
    rmSync(directory, { recursive: true, force: true });
  }, 300_000);

  test("work from the first appliance to its list of changes, and so do the operator's", async () => {
    expect(BLOCKS).toHaveLength(4);
    const { code, sections, stderr } = await runBlocks();
    expect(code, stderr).toBe(0);
    const [added = "", posted = "", changes = "", operated = ""] = sections;
    expect(added).toBe("");
    expect(posted).toContain('"message":"system registered successfully"');
    expect(posted).toContain('"message":"heartbeat acknowledged"');
    expect(posted.match(/"queue_status":"queued"/g)).toHaveLength(2);
    expect(changes).toMatch(/^\d{4}-\S+Z {2}(critical|high|medium|low) .+ → /m);
    expect(operated).toMatch(/^ok +database/m);
    expect(operated).toContain("Nothing to do: the schema is at version");
    expect(operated).toContain("Branch 12");
    expect(operated).toMatch(/Branch 12 {2}\S+Z {2}/);
    expect(operated).toContain('"message":"service ready"');
    expect(operated).toContain("process_cpu_seconds_total");
  }, 300_000);

  test("npm start installs and serves, and nothing is left running when npm is told to end", async () => {
    const npm = Bun.which("npm");
    if (!npm) return expect(process.env["REQUIRE_SERVICES"], "npm is missing").not.toBe("1");
    const env = { DATA_DIR: join(directory, "npm") };
    const started = await startGateway({ env, command: [npm, "start", "--silent", "--"], args: [] });
    expect((await fetch(`${started.url}/api/health`)).status).toBe(200);
    await started.stop();
    const { stdout } = Bun.spawnSync(["ps", "-eo", "args"]);
    expect(stdout.toString()).not.toContain(env.DATA_DIR);
  }, 300_000);

  /** Where commands would not say so themselves, a line marks the end of each block's output. */
  async function runBlocks() {
    const mark = "-- end of block --";
    const script = BLOCKS.map((block) => `${patient(block)}\necho '${mark}'`).join("\n");
    const child = Bun.spawn(["bash", "-euo", "pipefail", "-c", elsewhere(script)], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], DATA_DIR: directory },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { code, stderr, sections: stdout.split(`${mark}\n`) };
  }

  /** This gateway's ports instead of the default ones. */
  function elsewhere(script: string): string {
    const [main, operations] = [gateway.url, gateway.operationsUrl].map((url) => new URL(url).host);
    return script.replaceAll("localhost:8081", main ?? "").replaceAll("localhost:8091", operations ?? "");
  }

  /** People take longer to type than a diff takes; here the command is asked again until there is one. */
  function patient(block: string): string {
    const ask = block.trim();
    if (!ask.startsWith("bun run muster systems changes")) return block;
    return `for _ in $(seq 50); do CHANGES=$(${ask}); case $CHANGES in *→*) break ;; esac; sleep 0.1; done; echo "$CHANGES"`;
  }
});
