// Starts a server of its own and a database, says where, and waits to be killed: run by run.test.ts.
import { test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory, runDirectory } from "../support/run.ts";
import { createTestDatabase } from "../support/postgres.ts";

test("is still busy when its runner is killed", async () => {
  const directory = temporaryDirectory("busy");
  const { url } = await createTestDatabase();
  const children = [
    Bun.spawn(["sleep", "600"], { cwd: directory, env: {}, detached: true }),
    Bun.spawn(["sleep", "600"], { cwd: "/", env: { DATABASE_URL: url }, detached: true }),
  ];
  const note = { directory: runDirectory(), pids: [process.pid, ...children.map(({ pid }) => pid)], url };
  writeFileSync(join(process.env["BUSY_NOTE"] ?? "", `${process.env["BUN_TEST_WORKER_ID"]}`), JSON.stringify(note));
  await Bun.sleep(600_000);
}, 600_000);
