// Speaks TLS by several processes on one port, while they are replaced one by one.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { openAuthority, openssl } from "../support/certificates.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startGateway } from "../support/program.ts";

if (!openssl && process.env["REQUIRE_SERVICES"])
  throw new Error("openssl is not installed, and REQUIRE_SERVICES is set.");
if (!openssl) console.warn("Skipped: TLS, because openssl is not installed.");

test.skipIf(!openssl)(
  "several processes speak it on one port, through a rolling restart",
  async () => {
    using authority = openAuthority();
    const { cert, key } = authority.issue("server", "localhost");
    const env = { TLS_CERT_FILE: cert, TLS_KEY_FILE: key };
    // Each connection is to be one of its own.
    const trusting = { tls: { ca: readFileSync(authority.ca) }, headers: { connection: "close" } };
    await using database = await createTestDatabase();
    await using gateway = await startGateway({
      env: { ...env, DATABASE_URL: database.url, DATA_DIR: authority.directory, PROCESSES: "2" },
    });
    let failed = 0;
    let answered = 0;
    let isOver = false;
    const asking = (async () => {
      while (!isOver) {
        await fetch(`${gateway.url}/api/health`, trusting).then(
          () => (answered += 1),
          () => (failed += 1),
        );
      }
    })();
    await until(() => answered > 20);
    process.kill(gateway.pid, "SIGHUP");
    await until(() => gateway.log().includes("The rolling restart is done."));
    const then = answered;
    await until(() => answered > then + 20);
    isOver = true;
    await asking;
    expect(failed).toBe(0);
  },
  240_000,
);

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await Bun.sleep(20);
}
