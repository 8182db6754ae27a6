// A socket that systemd opened: Muster serves it, and connections wait while it is away.
import { expect, test } from "bun:test";
import { readdirSync, readlinkSync, rmSync } from "node:fs";
import { inheritedSocket } from "../../src/config/socket.ts";
import { temporaryDirectory } from "../support/run.ts";
import { SOURCES, startGateway } from "../support/program.ts";

const activate = Bun.which("systemd-socket-activate");
if (!activate && process.env["REQUIRE_SERVICES"])
  throw new Error("systemd is not installed, and REQUIRE_SERVICES is set.");
if (!activate) console.warn("Skipped: socket activation, because systemd-socket-activate is not installed.");

test("a socket counts when it is for this process, and is the only one", () => {
  expect(inheritedSocket({ LISTEN_PID: "7", LISTEN_FDS: "1" }, 7)).toBe(3);
  expect(inheritedSocket({ LISTEN_PID: "8", LISTEN_FDS: "1" }, 7)).toBeUndefined();
  expect(inheritedSocket({}, 7)).toBeUndefined();
  expect(() => inheritedSocket({ LISTEN_PID: "7", LISTEN_FDS: "2" }, 7)).toThrow("one ListenStream=");
});

test.skipIf(!activate)(
  "is served whatever LISTEN_ADDRESS says, and PostgreSQL does not hold on to it",
  async () => {
    const directory = temporaryDirectory("activation");
    const port = freePort();
    const address = `127.0.0.1:${port}`;
    // systemd starts the service at the first connection, which then waits for its answer.
    const command = [
      activate ?? "",
      "--listen",
      address,
      "--setenv=DATA_DIR",
      "--setenv=HEALTH_LISTEN_ADDRESS",
      ...SOURCES,
    ];
    const starting = startGateway({ command, env: { DATA_DIR: directory } });
    const first = retried(() => fetch(`http://${address}/api/health`));
    const gateway = await starting;
    try {
      expect((await first).status).toBe(200);
      expect(gateway.url).toBe(`http://${address}`);
      const socket = readlinkSync(`/proc/${gateway.pid}/fd/3`);
      expect(socket).toStartWith("socket:");
      const holders = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && holds(pid, socket));
      expect(holders).toEqual([String(gateway.pid)]);
    } finally {
      await gateway.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000,
);

function holds(pid: string, socket: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === socket);
  } catch {
    return false; // ended meanwhile
  }
}

async function retried(ask: () => Promise<Response>): Promise<Response> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      return await ask();
    } catch {
      await Bun.sleep(50);
    }
  }
  throw new Error("Nobody listens.");
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
