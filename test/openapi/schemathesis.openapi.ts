// Schemathesis makes requests of the OpenAPI document for minutes, against a gateway with real data: never an error of ours.
import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasAlertmanager, startAlertmanager } from "../support/alertmanager.ts";
import { basic } from "../support/app.ts";
import { runJson, startGateway } from "../support/program.ts";
import { temporaryDirectory } from "../support/run.ts";

/** `OPENAPI_SECONDS=30 OPENAPI_SEED=7 bun run test:openapi` is another, shorter run. */
const SECONDS = Number(process.env["OPENAPI_SECONDS"] ?? 300);
const SEED = process.env["OPENAPI_SEED"] ?? "1";
/** Beyond the run itself: shrinking what failed, and the start of the gateway. */
const SPARE_MS = 180_000;
const WEBHOOK_SECRET = "a webhook's secret of 32 characters";

const program = Bun.which(process.env["SCHEMATHESIS"] ?? "schemathesis");
if (!program && process.env["REQUIRE_SERVICES"])
  throw new Error("schemathesis (PyPI) is not installed, and REQUIRE_SERVICES is set.");
if (!program) console.warn("Skipped: schemathesis, because it is not installed (pip install schemathesis).");

interface Document {
  paths: Record<string, Record<string, { parameters?: { name: string; in: string; schema: object }[] }>>;
}

test.skipIf(!program || !hasAlertmanager)(
  "no request that schemathesis makes of the document is answered with a 5xx",
  async () => {
    const dataDir = temporaryDirectory("schemathesis");
    await using alertmanager = await startAlertmanager();
    const env = {
      DATA_DIR: dataDir,
      MIMIR_URL: alertmanager.url,
      ALERTING_HISTORY_WEBHOOK_SECRET: WEBHOOK_SECRET,
      INVENTORY_RATE_PER_MINUTE: "1000000",
      REGISTER_RATE_PER_MINUTE: "1000000",
    };
    await using gateway = await startGateway({ env });
    const known = await furnish(gateway.url, env);

    const document = (await (await fetch(`${gateway.url}/api/openapi.json`)).json()) as Document;
    knowIds(document, known.ids);
    const directory = join(dataDir, "schemathesis");
    mkdirSync(directory);
    writeFileSync(join(directory, "openapi.json"), JSON.stringify(document));
    writeFileSync(join(directory, "schemathesis.toml"), configOf(known));

    const webhook = ["--header", `Authorization: Bearer ${WEBHOOK_SECRET}`];
    const answers = [
      await runSchemathesis(directory, gateway.url, SECONDS * 0.9, ["--exclude-path-regex", WEBHOOK]),
      await runSchemathesis(directory, gateway.url, SECONDS * 0.1, ["--include-path-regex", WEBHOOK, ...webhook]),
    ];
    rmSync(dataDir, { recursive: true, force: true });
    expect(answers).toEqual(["", ""]);
    expect(gateway.log()).not.toContain(" error ");
  },
  SECONDS * 1_000 + SPARE_MS,
);

/** Its credentials are a secret of its own, which the document cannot say. */
const WEBHOOK = "alert_history$";

/** Returns what it found, in its own words; "" for nothing. */
async function runSchemathesis(directory: string, url: string, seconds: number, which: string[]): Promise<string> {
  const args = ["run", "openapi.json", "--url", url, "--phases", "fuzzing", "--seed", SEED, ...which];
  const limits = ["--max-time", String(Math.ceil(seconds)), "--workers", "2", "--checks", "not_a_server_error"];
  const calm = ["--suppress-health-check", "all", "--generation-database", "none", "--warnings", "off", "--no-color"];
  const run = Bun.spawn([program ?? "", ...args, ...limits, "--continue-on-failure", ...calm], {
    cwd: directory,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, complained, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  console.log(/Test cases:\n *(.*)/.exec(said)?.[1]);
  return code === 0 ? "" : `${said}\n${complained}`;
}

interface Known {
  token: string;
  system: { key: string; secret: string };
  /** Real ids, so that requests also find something. */
  ids: string[];
}

/** Systems with an inventory, its changes, a backup and an alert; an operator's token. */
async function furnish(url: string, env: Record<string, string>): Promise<Known> {
  const { token } = await runJson<{ token: string }>(["tokens", "add", "--name", "schemathesis"], { env });
  const created = await fetch(`${url}/api/admin/systems`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ name: "Schemathesis" }),
  });
  const { data } = (await created.json()) as { data: Record<"system_id" | "system_key" | "system_secret", string> };
  const authorization = basic(data.system_key, data.system_secret);
  await post(`${url}/api/systems/register`, {}, JSON.stringify({ system_secret: data.system_secret }));
  const fixtures = join(import.meta.dir, "../support/fixtures/inventories");
  for (const name of ["ns8-inventory.json", "ns8-inventory-after-30-steps.json"])
    await post(`${url}/api/systems/inventory`, { authorization }, await Bun.file(join(fixtures, name)).text());
  await post(`${url}/api/systems/heartbeat`, { authorization }, "");
  const backup = await post(`${url}/api/systems/backups`, { authorization, "x-filename": "a.tar.gz" }, "a backup");
  const alert = [{ labels: { alertname: "Disk", severity: "critical" }, annotations: { summary: "full" } }];
  const alerts = `${url}/collect/api/services/mimir/alertmanager/api/v2/alerts`;
  await post(alerts, { authorization, "content-type": "application/json" }, JSON.stringify(alert));
  const stored = (await backup.json()) as { data: { id: string } };
  return {
    token,
    system: { key: data.system_key, secret: data.system_secret },
    ids: [data.system_id, data.system_key, stored.data.id],
  };
}

async function post(url: string, headers: Record<string, string>, body: string): Promise<Response> {
  const answer = await fetch(url, { method: "POST", headers, body });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}

/** Parts of paths are a real id as often as anything else, except where the system would be deleted. */
function knowIds({ paths }: Document, ids: string[]): void {
  for (const operations of Object.values(paths))
    for (const [method, { parameters = [] }] of Object.entries(operations))
      for (const parameter of parameters)
        if (parameter.in === "path" && method !== "delete")
          parameter.schema = { anyOf: [{ enum: ids }, parameter.schema] };
}

const configOf = ({ token, system }: Known) => `
[auth.openapi.operator]
bearer = ${JSON.stringify(token)}

[auth.openapi.system]
username = ${JSON.stringify(system.key)}
password = ${JSON.stringify(system.secret)}
`;
