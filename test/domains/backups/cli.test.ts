// muster backups, as an operator uses it: a child process beside the running gateway's data.
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../../src/app/settings.ts";
import { runJson, runMuster } from "../../support/program.ts";
import { openStoringApp, put } from "./fixture.ts";

describe("muster backups", () => {
  test("lists, fetches, pins, verifies, deletes and sweeps", async () => {
    await using app = await openStoringApp();
    const env = { DATABASE_URL: app.databaseUrl, DATA_DIR: app.directory };
    const system = await app.addSystem();
    const { id } = (await put(app, system, "the backup")).body.data;
    const muster = (...args: string[]) => runMuster(["backups", ...args], { env });

    const listed = await muster("list");
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    expect(listed.stdout).toContain(`${id}  ${system.system_key}`);
    expect((await runJson<{ backups: unknown[] }>(["backups", "list", "--state", "lost"], { env })).backups).toEqual(
      [],
    );

    const output = join(app.directory, "fetched.gpg");
    expect((await muster("get", id, "--output", output)).code).toBe(0);
    expect(readFileSync(output, "utf8")).toBe("the backup");
    expect((await muster("get", id, "--output", "-")).stdout).toBe("the backup");
    expect(await muster("get", id, "--output", output)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("exists already"),
    });

    expect((await muster("pin", id)).stdout).toContain("pinned");
    expect(await muster("rm", id, "--yes")).toMatchObject({ code: 1, stderr: expect.stringContaining("pinned") });
    expect((await muster("unpin", id)).code).toBe(0);

    expect((await muster("verify", id)).stdout).toBe("1 verified, 0 bad.\n");
    const [file = ""] = app.files();
    writeFileSync(file, "the backuq");
    expect(await muster("verify", "--all")).toMatchObject({ code: 1, stdout: expect.stringContaining("damaged") });
    rmSync(output);
    expect(await muster("get", id, "--output", output)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("damaged"),
    });
    expect(existsSync(output)).toBe(false);

    expect((await muster("rm", id)).code).toBe(2);
    expect((await muster("rm", id, "--yes")).code).toBe(0);
    expect(await muster("pin", id)).toMatchObject({ code: 1, stderr: expect.stringContaining("not found") });
    expect(await muster("pin", "nonsense")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("invalid backup id"),
    });
    expect((await muster("sweep")).stdout).toContain("1 object; 0 without a row");
    expect((await muster("frobnicate")).code).toBe(2);
  }, 240_000);

  test("get never writes a name that an appliance made up, nor over a file without being told to", async () => {
    await using app = await openStoringApp();
    const env = { DATABASE_URL: app.databaseUrl, DATA_DIR: app.directory };
    const cwd = mkdtempSync(join(tmpdir(), "muster-get-"));
    try {
      const system = await app.addSystem();
      const { id } = (await put(app, system, "the backup", { "x-filename": "../../.bash_profile" })).body.data;
      // As a gateway kept it before names were cut.
      await app.database.query("update backups set filename = '.bash_profile'");
      const get = (...args: string[]) => runMuster(["backups", "get", id, ...args], { env, cwd });

      expect((await get()).stdout).toStartWith("bash_profile: 10 bytes, SHA-256 ");
      expect(readdirSync(cwd)).toEqual(["bash_profile"]);
      writeFileSync(join(cwd, "bash_profile"), "mine");
      expect(await get()).toMatchObject({ code: 2, stderr: expect.stringContaining("bash_profile exists already") });
      symlinkSync("/nonexistent/target", join(cwd, "link"));
      expect((await get("-o", "link")).code).toBe(2);
      expect(readFileSync(join(cwd, "bash_profile"), "utf8")).toBe("mine");
      expect((await get("-f")).code).toBe(0);
      expect(readFileSync(join(cwd, "bash_profile"), "utf8")).toBe("the backup");
      expect((await get("--force", "-o", "link")).code).toBe(0);
      expect(readFileSync(join(cwd, "link"), "utf8")).toBe("the backup");
      expect((await get("-f", "-o", ".")).stderr).toContain(". is a directory");
      expect((await get("-o", "-")).stdout).toBe("the backup");
      expect(readdirSync(cwd).toSorted()).toEqual(["bash_profile", "link"]);

      const [file = ""] = app.files();
      writeFileSync(file, "the backuq");
      expect(await get("-o", "-")).toMatchObject({ code: 1, stderr: expect.stringContaining("damaged") });
    } finally {
      rmSync(cwd, { recursive: true });
    }
  }, 240_000);

  test("doctor says where backups are, or why they cannot be", async () => {
    await using app = await openStoringApp();
    const env = { DATABASE_URL: app.databaseUrl, DATA_DIR: app.directory };
    expect((await runMuster(["doctor"], { env })).stdout).toContain(
      `Backups can be stored: directory ${app.directory}/objects`,
    );
    const s3 = {
      S3_ENDPOINT: "http://127.0.0.1:1",
      S3_ACCESS_KEY: "k",
      S3_SECRET_KEY: "s",
      BACKUP_S3_BUCKET: "bucket",
    };
    const away = await runMuster(["doctor"], { env: { ...env, ...s3 } });
    expect(away.code).toBe(1);
    expect(away.stdout).toContain("Backups cannot be stored in S3 http://127.0.0.1:1, bucket bucket");
  }, 240_000);
});

describe("settings of S3", () => {
  const keys = { S3_ACCESS_KEY: "k", S3_SECRET_KEY: "s", BACKUP_S3_BUCKET: "my-bucket" };
  test.each([
    ["ams3.digitaloceanspaces.com", "https://ams3.digitaloceanspaces.com"],
    ["https://s3.example.org/", "https://s3.example.org"],
    ["https://s3.example.org:9000", "https://s3.example.org:9000"],
    ["http://localhost:9000", "http://localhost:9000"],
    ["http://127.0.0.1:9000", "http://127.0.0.1:9000"],
    ["http://[::1]:9000", "http://[::1]:9000"],
    ["http://my.localtest.me:9000", "http://my.localtest.me:9000"],
  ])("S3_ENDPOINT %s is taken", (endpoint, origin) =>
    expect(parseConfig({ ...keys, S3_ENDPOINT: endpoint }).objects.endpoint).toBe(origin),
  );

  test.each([
    ["http://s3.example.org", "must be https"],
    ["http://127.0.0.1.example.org", "must be https"],
    ["https://user:pass@s3.example.org", "without user"],
    ["https://s3.example.org/path", "without user, path"],
    ["https://s3.example.org/?a", "without user, path"],
    ["ftp://s3.example.org", "must be an https"],
    ["not a host", "must be an https"],
  ])("S3_ENDPOINT %s is refused", (endpoint, words) =>
    expect(() => parseConfig({ ...keys, S3_ENDPOINT: endpoint })).toThrow(words),
  );

  test("plain http beyond this machine has to be allowed", () => {
    const env = { ...keys, S3_ENDPOINT: "http://minio:9000", BACKUP_S3_ALLOW_INSECURE: "true" };
    expect(parseConfig(env).objects.endpoint).toBe("http://minio:9000");
  });

  test("what belongs together is missed together", () => {
    expect(() => parseConfig({ S3_ENDPOINT: "https://s3.example.org" })).toThrow(
      "S3_ENDPOINT is set, so S3_ACCESS_KEY, S3_SECRET_KEY, BACKUP_S3_BUCKET must be set too.",
    );
  });
});
