// Measures the executable from start to its first answer, its size, and its memory when idle. Needs dist/muster: bun run build.
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../src/config/environment.ts";
import { createTestDatabase } from "../test/support/postgres.ts";
import { diskDirectory } from "../test/support/run.ts";
import { ROOT } from "../test/support/program.ts";
import { median, rounded } from "./support/load.ts";

const EXECUTABLE = join(ROOT, "dist/muster");
const ROUNDS = 7;
const FIRST_ROUNDS = 3;
const IDLE_MS = 5_000;

export async function benchStart() {
  if (!existsSync(EXECUTABLE)) throw new Error("dist/muster is not there: bun run build makes it.");
  const directory = diskDirectory("bench-start");
  try {
    const external = await createTestDatabase();
    const externalMs = await repeat(ROUNDS, () =>
      timeStart({ DATABASE_URL: external.url, DATA_DIR: join(directory, "none") }),
    );
    await external[Symbol.asyncDispose]();

    let serial = 0;
    const firstMs = await repeat(FIRST_ROUNDS, () =>
      timeStart({ DATA_DIR: join(directory, `first-${(serial += 1)}`) }),
    );
    const again = { DATA_DIR: join(directory, "first-1") };
    const againMs = await repeat(ROUNDS, () => timeStart(again));
    const idle = await measureIdle(again);
    return {
      bench: "start",
      external_ms: { median: rounded(median(externalMs)), target: 150 },
      carried_again_ms: { median: rounded(median(againMs)), target: 400 },
      carried_first_ms: { median: rounded(median(firstMs)), target: 3_000 },
      idle_pss_mb: {
        gateway: rounded(idle.gateway),
        postgres: rounded(idle.postgres),
        total: rounded(idle.gateway + idle.postgres),
        target: 150,
      },
      executable_mb: rounded(statSync(EXECUTABLE).size / 1e6),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function repeat(rounds: number, measure: () => Promise<number>): Promise<number[]> {
  const results: number[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await measure());
  return results;
}

async function timeStart(env: Environment): Promise<number> {
  const { elapsedMs, stop } = await startExecutable(env);
  await stop();
  return elapsedMs;
}

/** Asks until it answers: what a client that waits for the gateway sees. */
async function startExecutable(env: Environment) {
  const port = freePort();
  const address = { LISTEN_ADDRESS: `127.0.0.1:${port}`, HEALTH_LISTEN_ADDRESS: "127.0.0.1:0", LOG_LEVEL: "error" };
  const startMs = performance.now();
  const child = Bun.spawn([EXECUTABLE, "serve"], { env: { ...env, ...address }, stdout: "ignore", stderr: "inherit" });
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}`);
    await Bun.sleep(1);
  }
  const elapsedMs = performance.now() - startMs;
  const stop = async () => {
    child.kill("SIGTERM");
    await child.exited;
  };
  return { elapsedMs, pid: child.pid, stop };
}

const answers = (port: number) =>
  fetch(`http://127.0.0.1:${port}/api/health`).then(
    (answer) => answer.ok,
    () => false,
  );

function freePort(): number {
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = probe;
  void probe.stop(true);
  return port ?? 0;
}

/** Proportional set size: memory shared by PostgreSQL's processes counts once. */
async function measureIdle(env: Environment): Promise<{ gateway: number; postgres: number }> {
  const { pid, stop } = await startExecutable(env);
  await Bun.sleep(IDLE_MS);
  const servers = descendantsOf(pid).reduce((sum, child) => sum + pssMb(child), 0);
  const measured = { gateway: pssMb(pid), postgres: servers };
  await stop();
  return measured;
}

function descendantsOf(parent: number): number[] {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
  return children.flatMap((pid) => [pid, ...descendantsOf(pid)]);
}

function parentOf(pid: number): number | undefined {
  try {
    // The name may hold blanks and brackets; what follows its last bracket does not.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined; // ended meanwhile
  }
}

function pssMb(pid: number): number {
  const [, kilobytes] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
  return (Number(kilobytes) * 1024) / 1e6;
}

if (import.meta.main) console.log(JSON.stringify(await benchStart(), null, 2));
