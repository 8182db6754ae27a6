// Keeps what the whole test run shares, its PostgreSQL and its S3, and ends everything that the run has left once the runner is gone.
// Argument: the run's directory, whose name says who runs it.
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { startS3 } from "./ceph.ts";
import { DIRECTORY_PREFIX, isAlive, PLACES, socketOf } from "./run.ts";
import type { Identity } from "./run.ts";
import { databasePrefix, openTestServer } from "./server.ts";
import type { TestServer } from "./server.ts";

const LOOK_MS = 200;
/** PostgreSQL gives back its shared memory when it is asked to end, not when it is killed. */
const ASKED_MS = 3_000;
const KILLED_MS = 5_000;
/** Ten seconds, the default, are less than a start takes on a busy machine. The types know this setting for ports only. */
const PATIENT: object = { idleTimeout: 0 };

/** Who runs the tests of this directory; undefined for a name of another kind. */
function rootOf(directory: string): Identity | undefined {
  const [, pid, startedAt] = new RegExp(`^${DIRECTORY_PREFIX}(\\d+)-(\\d+)$`).exec(basename(directory)) ?? [];
  return pid && startedAt ? { pid: Number(pid), startedAt } : undefined;
}

interface Left {
  pid: number;
  /** A server's main process ends its children itself. */
  is: "server" | "server's child" | "other";
}

/** Processes whose command, environment or working directory name the run: whatever a test started for itself. */
function processesOf(directory: string): Left[] {
  const names = [basename(directory), databasePrefix(directory)];
  const isIn = (text: string) => names.some((name) => text.includes(name));
  return readdirSync("/proc").flatMap((name): Left[] => {
    const pid = Number(name);
    if (!(pid > 0) || pid === process.pid) return [];
    const command = read(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    const found =
      isIn(command) ||
      isIn(read(() => readlinkSync(`/proc/${pid}/cwd`))) ||
      isIn(read(() => readFileSync(`/proc/${pid}/environ`, "utf8")));
    if (!found) return [];
    if (command.startsWith("postgres: ")) return [{ pid, is: "server's child" }];
    return [{ pid, is: command.split("\0", 1)[0]?.endsWith("/postgres") ? "server" : "other" }];
  });
}

function read(from: () => string): string {
  try {
    return from();
  } catch {
    return ""; // it has ended, or is somebody else's
  }
}

async function clear(directory: string): Promise<void> {
  const startMs = performance.now();
  for (;;) {
    const left = processesOf(directory);
    const passedMs = performance.now() - startMs;
    if (left.length === 0 || passedMs > ASKED_MS + KILLED_MS) break;
    const isPatient = passedMs < ASKED_MS;
    for (const { pid, is } of left) {
      if (is === "other" || !isPatient) end(pid, "SIGKILL");
      else if (is === "server") end(pid, "SIGQUIT");
    }
    await Bun.sleep(10);
  }
  for (const place of PLACES) rmSync(join(place, basename(directory)), { recursive: true, force: true });
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile, or is somebody else's.
  }
}

/** A machine that lost power, or somebody who killed the keeper too, left these. */
async function clearFormerRuns(): Promise<void> {
  for (const name of PLACES.flatMap((place) => read(() => readdirSync(place).join("/")).split("/"))) {
    const root = rootOf(name);
    if (root && !isAlive(root)) await clear(name);
  }
}

const [directory = ""] = process.argv.slice(2);
const root = rootOf(directory);
if (!root) throw new Error(`${directory} is not named after a test run.`);

let server: Promise<TestServer> | undefined;
/** Started by whoever first needs it. */
const running = () => (server ??= openTestServer(directory));
let s3: Promise<string> | undefined;
/** On a disk: its own is a file of gigabytes. */
const runningS3 = () => (s3 ??= startS3(join(tmpdir(), basename(directory), "s3")).then(JSON.stringify));
const answer = (work: (server: TestServer, text: string) => Promise<string | void>) => async (request: Request) =>
  new Response((await work(await running(), await request.text())) ?? "");
const listener = Bun.serve({
  ...PATIENT,
  unix: socketOf(directory),
  maxRequestBodySize: 64 * 1024,
  routes: {
    "/ready": answer(async () => {}),
    "/create": answer((server) => server.create({ empty: false })),
    "/create-empty": answer((server) => server.create({ empty: true })),
    "/s3": async () => new Response(await runningS3()),
    "/drop": answer((server, url) => server.drop(url)),
  },
  error: (error) => new Response(Bun.inspect(error), { status: 500 }),
});
await clearFormerRuns();
while (isAlive(root)) await Bun.sleep(LOOK_MS);
void listener.stop(true);
await server?.then((opened) => opened.close()).catch(console.error);
await clear(directory);
process.exit(0);
