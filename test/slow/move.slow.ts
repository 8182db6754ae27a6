// Moves an installation from the carried PostgreSQL to another one and back, by a dump, as docs/postgres.md says.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { basic } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { runJson, runMuster, startGateway } from "../support/program.ts";
import { temporaryDirectory } from "../support/run.ts";

const TEST_MS = 240_000;

test(
  "from the carried PostgreSQL to one's own and back, appliances notice nothing",
  async () => {
    const directory = temporaryDirectory("move");
    const env = { DATA_DIR: join(directory, "data") };
    await using external = await createTestDatabase({ empty: true });
    const own = { ...env, DATABASE_URL: external.url };
    expect((await runMuster(["migrate"], { env })).code).toBe(0);
    type Added = { system_key: string; system_secret: string };
    const added = await runJson<Added>(["systems", "add", "--name", "Zürich"], { env });
    const authorization = basic(added.system_key, added.system_secret);
    {
      await using gateway = await startGateway({ env });
      const body = JSON.stringify({ system_secret: added.system_secret });
      expect((await fetch(`${gateway.url}/api/systems/register`, { method: "POST", body })).status).toBe(200);
    }
    const beat = async (settings: Record<string, string>) => {
      await using gateway = await startGateway({ env: settings });
      const headers = { authorization };
      return (await fetch(`${gateway.url}/api/systems/heartbeat`, { method: "POST", headers })).status;
    };

    const there = join(directory, "there.tar.zst");
    expect((await runMuster(["dump", there], { env })).code).toBe(0);
    expect((await runMuster(["restore", there], { env: own })).code).toBe(0);
    expect(await beat(own)).toBe(200);

    const back = join(directory, "back.tar.zst");
    const anew = { DATA_DIR: join(directory, "anew") };
    expect((await runMuster(["dump", back], { env: own })).code).toBe(0);
    expect((await runMuster(["restore", back], { env: anew })).code).toBe(0);
    expect(await beat(anew)).toBe(200);
  },
  TEST_MS,
);
