// What doctor finds, and whom it blames.
import { expect, test } from "bun:test";
import { runCommand } from "../support/command.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { diskDirectory } from "../support/run.ts";

const doctor = async (env: Record<string, string>) => {
  const { stdout, code } = await runCommand(["doctor"], { DATA_DIR: diskDirectory("doctor"), ...env });
  return {
    code,
    lineOf: (check: string) => stdout.split("\n").find((line) => line.slice(8).startsWith(check)),
    stdout,
  };
};

function answering(status: number, seen: string[] = []) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      seen.push(`${new URL(request.url).pathname} ${request.headers.get("authorization")}`);
      return new Response("{}", { status });
    },
  });
}

test("looks at the Alertmanager of MIMIR_URL as the gateway does, with its credentials, and never shows them", async () => {
  await using database = await createTestDatabase();
  const seen: string[] = [];
  await using server = answering(200, seen);
  const { lineOf, stdout } = await doctor({
    DATABASE_URL: database.url,
    MIMIR_URL: `http://me:hush@127.0.0.1:${server.port}`,
  });
  expect(lineOf("alertmanager")).toMatch(
    new RegExp(`^ok +alertmanager +Alertmanager answers at http://127.0.0.1:${server.port}/alertmanager/api/v2\\.$`),
  );
  expect(seen).toEqual([`/alertmanager/api/v2/status Basic ${btoa("me:hush")}`]);
  expect(stdout).not.toContain("hush");
}, 30_000);

test.each([
  [401, "FAILED", "Check the user and the password in MIMIR_URL."],
  [404, "warning", "Does MIMIR_URL lead up to /alertmanager"],
  [503, "warning", "Check MIMIR_URL"],
] as const)(
  "an Alertmanager that answers with %d is told as %s",
  async (status, mark, advice) => {
    await using database = await createTestDatabase();
    await using server = answering(status);
    const { lineOf, stdout } = await doctor({
      DATABASE_URL: database.url,
      MIMIR_URL: `http://127.0.0.1:${server.port}`,
    });
    expect(lineOf("alertmanager")).toStartWith(mark);
    expect(stdout).toContain(advice);
  },
  60_000,
);

test("one that nobody reaches is blamed, and not the database", async () => {
  await using database = await createTestDatabase();
  const { code, lineOf } = await doctor({ DATABASE_URL: database.url, MIMIR_URL: "http://127.0.0.1:1" });
  expect(code).toBe(1);
  expect(lineOf("alertmanager")).toStartWith("FAILED");
  expect(lineOf("database")).toStartWith("ok");
}, 60_000);

test("a store that takes longer to answer than a probe may wait is told with what it answers", async () => {
  await using database = await createTestDatabase();
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch() {
      await Bun.sleep(2_700);
      return new Response(null, { status: 403 });
    },
  });
  const { code, lineOf } = await doctor({
    DATABASE_URL: database.url,
    S3_ENDPOINT: `http://127.0.0.1:${server.port}`,
    S3_ACCESS_KEY: "a",
    S3_SECRET_KEY: "b",
    BACKUP_S3_BUCKET: "backups",
    BACKUP_S3_USE_PATH_STYLE: "true",
  });
  expect(code).toBe(1);
  expect(lineOf("backup storage")).toContain(`Backups cannot be stored in S3 http://127.0.0.1:${server.port}`);
}, 60_000);

test("the database alone is blamed for itself, and the rest is looked at", async () => {
  await using server = answering(200);
  const { lineOf, stdout } = await doctor({
    DATABASE_URL: "postgres://127.0.0.1:1/none",
    MIMIR_URL: `http://127.0.0.1:${server.port}`,
  });
  expect(lineOf("database")).toStartWith("FAILED");
  expect(stdout).toContain("→ Check DATABASE_URL");
  expect(lineOf("alertmanager")).toStartWith("ok");
  expect(lineOf("disk")).toStartWith("ok");
}, 60_000);

test("a check whose own question fails is blamed by its name", async () => {
  await using database = await createTestDatabase();
  await database.database.query("alter table jobs rename to jobs_away");
  const { lineOf } = await doctor({ DATABASE_URL: database.url });
  expect(lineOf("database")).toStartWith("ok");
  expect(lineOf("queues")).toStartWith("FAILED");
  expect(lineOf("clock")).toStartWith("ok");
}, 60_000);

test.each([
  [{ LISTEN_ADDRESS: "0.0.0.0:8081" }, "warning"],
  [{ LISTEN_ADDRESS: ":8081" }, "warning"],
  [{ LISTEN_ADDRESS: "[::]:8081" }, "warning"],
  [{ LISTEN_ADDRESS: "192.0.2.1:8081" }, "warning"],
  [{ LISTEN_ADDRESS: "0.0.0.0:8081", TRUSTED_PROXIES: "172.16.0.0/12" }, "ok"],
  [{ LISTEN_ADDRESS: "127.0.0.1:8081" }, undefined],
  [{ LISTEN_ADDRESS: "[::1]:8081" }, undefined],
])(
  "plain HTTP: %j is told as %s",
  async (env, mark) => {
    const { lineOf } = await doctor({
      DATABASE_URL: "postgres://127.0.0.1:1/none",
      ...(env as Record<string, string>),
    });
    const line = lineOf("listener");
    if (mark === undefined) expect(line).toBeUndefined();
    else expect(line).toStartWith(mark);
  },
  60_000,
);
