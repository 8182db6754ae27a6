// A real Alertmanager on a free port of the loopback, as Mimir is seen: below /alertmanager.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./run.ts";

export interface TestAlertmanager extends AsyncDisposable {
  /** MIMIR_URL. */
  url: string;
  /** What it has, asked directly. */
  alerts(): Promise<HeldAlert[]>;
  silences(): Promise<{ id: string; status: { state: string }; matchers: unknown[] }[]>;
  post(path: string, body: unknown): Promise<Response>;
  kill(): Promise<void>;
  /** SIGSTOP: takes connections, answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Again on the same address and files. */
  start(): Promise<void>;
}

export interface HeldAlert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  status: { state: string; silencedBy: string[] };
}

const program = Bun.which("prometheus-alertmanager");
if (!program && process.env["REQUIRE_SERVICES"])
  throw new Error("prometheus-alertmanager is not installed, and REQUIRE_SERVICES is set.");
if (!program) console.warn("Skipped: tests on Alertmanager, because prometheus-alertmanager is not installed.");
export const hasAlertmanager = program !== null;

export interface AlertmanagerOptions {
  /** Where it tells of alerts, with this Bearer token, after a second. */
  webhook?: { url: string; token: string };
}

export async function startAlertmanager({ webhook }: AlertmanagerOptions = {}): Promise<TestAlertmanager> {
  const directory = temporaryDirectory("alertmanager");
  mkdirSync(join(directory, "data"), { recursive: true });
  const receiver = webhook && {
    webhook_configs: [
      {
        url: webhook.url,
        send_resolved: true,
        http_config: { authorization: { type: "Bearer", credentials: webhook.token } },
      },
    ],
  };
  const route = {
    receiver: "muster",
    group_by: ["..."],
    group_wait: "1s",
    group_interval: "1s",
    repeat_interval: "1h",
  };
  // JSON is YAML.
  writeFileSync(
    join(directory, "alertmanager.yml"),
    JSON.stringify({ route, receivers: [{ name: "muster", ...receiver }] }),
  );
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const base = `${url}/alertmanager/api/v2`;
  let server: Bun.Subprocess | undefined;

  const start = async () => {
    server = Bun.spawn(
      [
        program ?? "prometheus-alertmanager",
        `--config.file=${join(directory, "alertmanager.yml")}`,
        `--storage.path=${join(directory, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        `--web.external-url=${url}/alertmanager`,
        "--web.route-prefix=/alertmanager",
        "--cluster.listen-address=",
        "--log.level=error",
      ],
      { stdout: "ignore", stderr: "ignore" },
    );
    const deadline = Date.now() + 20_000;
    while (!(await isReady(`${url}/alertmanager/-/ready`))) {
      if (server.exitCode !== null || Date.now() > deadline) throw new Error("Alertmanager did not start.");
      await Bun.sleep(20);
    }
  };
  const kill = async () => {
    server?.kill("SIGKILL");
    await server?.exited;
  };
  const get = async <Value>(path: string): Promise<Value> => (await fetch(`${base}/${path}`)).json() as Promise<Value>;
  await start();
  return {
    url,
    alerts: () => get<HeldAlert[]>("alerts"),
    silences: () => get("silences"),
    post: (path, body) =>
      fetch(`${base}/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    kill,
    freeze: () => server?.kill("SIGSTOP"),
    thaw: () => server?.kill("SIGCONT"),
    start,
    [Symbol.asyncDispose]: kill,
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const { port } = server;
  await server.stop(true);
  return port ?? 0;
}
