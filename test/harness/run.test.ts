// Runs the test runner itself: what a test run shares outlives a test that is late, and nothing outlives the run.
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import { ROOT } from "../support/program.ts";
import { identityOf, PLACES, temporaryDirectory, testLog } from "../support/run.ts";

const PATIENT_MS = 180_000;

function startRun(files: string[], env: Record<string, string> = {}) {
  const paths = files.map((name) => `./test/harness/${name}`);
  return Bun.spawn([process.execPath, "test", "--parallel=2", ...paths], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await Bun.sleep(20);
}

test(
  "a test that takes too long fails alone",
  async () => {
    await using run = startRun(["late.run.ts"]);
    const said = await run.stderr.text();
    expect(said).toContain("(pass) comes after it");
    expect(said).toContain(" 1 pass\n 1 fail\n");
  },
  PATIENT_MS,
);

test(
  "a run of several workers shares one server, and leaves no process and no file when it is killed",
  async () => {
    const notes = temporaryDirectory("notes");
    await using run = startRun(["busy.run.ts", "busier.run.ts"], { BUSY_NOTE: notes });
    await until(() => readdirSync(notes).length === 2);
    const told = readdirSync(notes).map((name) => JSON.parse(readFileSync(join(notes, name), "utf8")) as Note);
    const [one, other] = told;
    if (!one || !other) throw new Error("two were counted");
    expect(one.directory).toBe(other.directory);
    expect(new URL(one.url).searchParams.get("host")).toBe(new URL(other.url).searchParams.get("host"));
    const database = openDatabase({ connectionString: one.url }, { maxConnections: 1, log: testLog });
    const [server] = await database.query<{ pid: number }>(
      "select split_part(pg_read_file('postmaster.pid'), e'\\n', 1)::int as pid",
    );
    await database.close();

    const pids = [...one.pids, ...other.pids, server?.pid ?? 0];
    expect(pids.filter((pid) => !identityOf(pid))).toEqual([]);
    run.kill("SIGKILL");
    const left = () => PLACES.filter((place) => existsSync(join(place, basename(one.directory))));
    await until(() => left().length === 0);
    expect(pids.filter((pid) => identityOf(pid))).toEqual([]);
  },
  PATIENT_MS,
);

interface Note {
  directory: string;
  pids: number[];
  url: string;
}
