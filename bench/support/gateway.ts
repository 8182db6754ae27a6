// Starts a real gateway for a benchmark: `serve` as a child process with the carried PostgreSQL, and systems that have registered.
import { rmSync } from "node:fs";
import { OWNER } from "../../test/support/actor.ts";
import { openApp } from "../../src/app/open.ts";
import { parseConfig } from "../../src/app/settings.ts";
import type { Environment } from "../../src/config/environment.ts";
import { openLog } from "../../src/log.ts";
import { diskDirectory } from "../../test/support/run.ts";
import { startGateway } from "../../test/support/program.ts";

export interface BenchGateway extends AsyncDisposable {
  url: string;
  operationsUrl: string;
  pid: number;
  dataDir: string;
  /** `Authorization` of each system. */
  authorizations: string[];
}

export async function openBenchGateway(systems: number, env: Environment = {}): Promise<BenchGateway> {
  const dataDir = diskDirectory("bench");
  // Limits are for strangers; the load comes from one address.
  const limits = { REGISTER_RATE_PER_MINUTE: "1000000", INVENTORY_RATE_PER_MINUTE: "1000000", LOG_LEVEL: "info" };
  const gateway = await startGateway({ env: { DATA_DIR: dataDir, ...limits, ...env } });
  const authorizations = await addSystems(dataDir, gateway.url, systems);
  return {
    url: gateway.url,
    operationsUrl: gateway.operationsUrl,
    pid: gateway.pid,
    dataDir,
    authorizations,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function addSystems(dataDir: string, url: string, count: number): Promise<string[]> {
  const log = openLog({ level: "error", format: "text" });
  const app = await openApp(parseConfig({ DATA_DIR: dataDir }), { role: "cli", log, version: "bench" });
  try {
    const authorizations: string[] = [];
    for (let at = 0; at < count; at += 1) {
      const { system_key: key, system_secret: secret } = await app.api.systems.add(OWNER, { name: `bench ${at}` });
      const body = JSON.stringify({ system_secret: secret });
      const { status } = await fetch(`${url}/api/systems/register`, { method: "POST", body });
      if (status !== 200) throw new Error(`a bench system could not register: ${status}`);
      authorizations.push(`Basic ${btoa(`${key}:${secret}`)}`);
    }
    return authorizations;
  } finally {
    await app.stop();
  }
}
