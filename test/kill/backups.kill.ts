// A gateway killed at any instant of its uploads: what it acknowledged is whole, and nothing else stays for long.
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createTestDatabase } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/run.ts";
import { runJson, startGateway } from "../support/program.ts";
import { openTestApp } from "../support/app.ts";
import { filesBelow } from "../domains/backups/fixture.ts";

const ROUNDS = 4;
const UPLOAD_BYTES = 3_000_000;

test("every backup that was acknowledged before a SIGKILL is there, whole; the rest goes", async () => {
  await using fixture = await createTestDatabase();
  const directory = temporaryDirectory("kill");
  const env = {
    DATABASE_URL: fixture.url,
    DATA_DIR: directory,
    BACKUP_RATE_LIMIT_PER_MINUTE: "0",
    BACKUP_RATE_LIMIT_PER_HOUR: "0",
    BACKUP_MAX_PER_SYSTEM: "1000",
  };
  try {
    const system = await runJson<{ system_key: string; system_secret: string }>(["systems", "add", "--name", "K"], {
      env,
    });
    const acknowledged = new Map<string, string>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const gateway = await startGateway({ env });
      if (round === 0)
        await fetch(`${gateway.url}/api/systems/register`, { method: "POST", body: JSON.stringify(system) });
      const uploads = Array.from({ length: 3 }, () => uploadUntilRefused(gateway.url, system, acknowledged));
      await Bun.sleep(150 + 130 * round);
      process.kill(gateway.pid, "SIGKILL");
      await Promise.all(uploads);
      await gateway[Symbol.asyncDispose]();
    }
    expect(acknowledged.size).toBeGreaterThan(0);

    const rows = await fixture.database.query<{ id: string; sha256: string; object_key: string }>(
      "select id || extension as id, sha256, object_key from backups",
    );
    const hashes = new Map(rows.map((row) => [row.id, row.sha256]));
    for (const [id, sha256] of acknowledged) expect(hashes.get(id)).toBe(sha256);
    for (const row of rows)
      expect(Bun.SHA256.hash(await Bun.file(join(directory, "objects", row.object_key)).bytes(), "hex")).toBe(
        row.sha256,
      );

    await using later = await openTestApp({ ...env }, fixture);
    await later.clock.advance(2 * 365 * 86_400_000);
    await later.app.scheduler.tick("backup-tidy", later.clock.now());
    await later.app.runner.drain();
    expect(filesBelow(join(directory, "objects")).sort()).toEqual(
      rows.map((row) => join(directory, "objects", row.object_key)).sort(),
    );
    const [left] = await fixture.database.query<{ uploads: number; bytes: number; kept: number }>(
      `select (select count(*) from backup_uploads) as uploads, (select sum(bytes) from backup_usage)::bigint as bytes,
         (select sum(size) from backups)::bigint as kept`,
    );
    expect(left?.uploads).toBe(0);
    expect(left?.bytes).toBe(left?.kept ?? -1);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 120_000);

async function uploadUntilRefused(
  url: string,
  system: { system_key: string; system_secret: string },
  acknowledged: Map<string, string>,
): Promise<void> {
  const authorization = `Basic ${Buffer.from(`${system.system_key}:${system.system_secret}`).toString("base64")}`;
  for (;;) {
    const body = new Uint8Array(UPLOAD_BYTES).fill(Math.floor(Math.random() * 256));
    try {
      const answer = await fetch(`${url}/api/systems/backups`, { method: "POST", headers: { authorization }, body });
      const { code, data } = (await answer.json()) as { code: number; data: { id: string } };
      if (code === 201) acknowledged.set(data.id, Bun.SHA256.hash(body, "hex"));
    } catch {
      return;
    }
  }
}
