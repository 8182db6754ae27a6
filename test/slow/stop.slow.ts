// Stops a gateway while clients and jobs hang: SHUTDOWN_TIMEOUT is for all of it, and a slow reader holds nothing.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { temporaryDirectory } from "../support/run.ts";
import { runJson, startGateway } from "../support/program.ts";
import type { Gateway } from "../support/program.ts";
import { basic } from "../support/app.ts";

const TEST_MS = 240_000;
const LIMIT_MS = 6_000;
const BACKUP_BYTES = 40 * 1024 ** 2;

let dataDir: string;
let authorization: string;
let silent: Bun.Server<undefined>;
let env: Record<string, string>;

beforeAll(async () => {
  dataDir = temporaryDirectory("stop");
  // An Alertmanager that takes everything and answers nothing.
  silent = Bun.serve({ port: 0, idleTimeout: 0, fetch: () => new Promise<Response>(() => {}) });
  env = { DATA_DIR: dataDir, MIMIR_URL: silent.url.href };
  await runJson(["migrate"], { env });
  const added = await runJson<{ system_key: string; system_secret: string }>(["systems", "add", "--name", "x"], {
    env,
  });
  authorization = basic(added.system_key, added.system_secret);
  await using gateway = await startGateway({ env });
  const body = JSON.stringify({ system_secret: added.system_secret });
  await fetch(`${gateway.url}/api/systems/register`, { method: "POST", body });
}, TEST_MS);

afterAll(async () => {
  await silent.stop(true);
  rmSync(dataDir, { recursive: true, force: true });
}, 240_000);

function openSocket({ url }: Gateway) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => {});
  return socket;
}

for (const processes of ["1", "2"])
  test(
    `a request and a job that hang share one limit, and are named: PROCESSES=${processes}`,
    async () => {
      const settings = { ...env, PROCESSES: processes, SHUTDOWN_TIMEOUT: `${LIMIT_MS}ms` };
      await using gateway = await startGateway({ env: settings });
      const socket = openSocket(gateway);
      const head = `POST /api/systems/inventory HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n`;
      socket.write(`${head}content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"facts"`);
      const alerts = [{ labels: { alertname: "Hanging", severity: "warning" }, annotations: {} }];
      const posted = await fetch(`${gateway.url}/api/services/mimir/alertmanager/api/v2/alerts`, {
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        body: JSON.stringify(alerts),
      });
      expect(posted.status).toBe(200);
      // Until the job is at the silent Alertmanager's.
      while (silent.pendingRequests === 0) await Bun.sleep(20);
      expect(await gateway.stop()).toBe(0);
      socket.destroy();
      const left = /Stopped before all was finished.* left="([^"]*)"/g;
      const named = [...gateway.log().matchAll(left)].map(([, names]) => names ?? "");
      expect(named.join()).toContain("POST /api/systems/inventory");
      expect(named.join()).toContain("1 job of muster:alert-delivery");
      // With a limit for each, a process would give up twice.
      expect(named).toHaveLength(Number(processes));
    },
    TEST_MS,
  );

test(
  "a download that its client does not read holds a stop for a moment only",
  async () => {
    // Longer than this test may take.
    await using gateway = await startGateway({ env: { ...env, SHUTDOWN_TIMEOUT: "10m" } });
    const uploaded = await fetch(`${gateway.url}/api/systems/backups`, {
      method: "POST",
      headers: { authorization, "content-type": "application/octet-stream", "x-filename": "large.tar.gz.gpg" },
      body: Buffer.concat([PGP_MESSAGE, Buffer.alloc(BACKUP_BYTES, 7)]),
    });
    const { data } = (await uploaded.json()) as { data: { id: string } };
    expect(uploaded.status).toBe(201);
    const socket = openSocket(gateway);
    const began = new Promise<void>((resolve) => socket.once("data", () => (socket.pause(), resolve())));
    socket.write(`GET /api/systems/backups/${data.id} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n\r\n`);
    await began;
    expect(await gateway.stop()).toBe(0);
    expect(gateway.log()).toContain("1 answer half sent");
    socket.destroy();
  },
  TEST_MS,
);

/** A public-key encrypted session key packet, which is how an encrypted backup begins. */
const PGP_MESSAGE = Buffer.from([0x85, 0x01, 0x0c, 0x03]);
