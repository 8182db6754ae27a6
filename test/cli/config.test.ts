// Settings as the command line shows them: what is in force, what is wrong, and never a secret.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeConfig, parseConfig, allSettings } from "../../src/app/settings.ts";
import { openLog } from "../../src/log.ts";
import { temporaryDirectory } from "../support/run.ts";
import { runJson, runMuster } from "../support/program.ts";

const PASSWORD = "correct-horse";
const URL_WITH_SECRET = `postgres://muster:${PASSWORD}@db.example:5432/muster`;
let directory: string;

beforeAll(() => {
  directory = temporaryDirectory("config");
}, 60_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }), 60_000);

describe("muster config", () => {
  test("shows defaults and what was set, each with its meaning", async () => {
    const { code, stdout } = await runMuster(["config"], { env: { HEARTBEAT_TIMEOUT_MINUTES: "25" } });
    expect(code).toBe(0);
    expect(stdout).toContain("HEARTBEAT_TIMEOUT_MINUTES=25\n    A system is inactive after this long");
    expect(stdout).toContain("LISTEN_ADDRESS=127.0.0.1:8081  (default)");
  }, 60_000);

  test("hides secrets in words, as JSON and in faults", async () => {
    const given = { env: { DATABASE_URL: URL_WITH_SECRET } };
    const words = await runMuster(["config"], given);
    expect(words.stdout).toContain("DATABASE_URL=(hidden)");
    const json = await runJson<Record<string, string>>(["config"], given);
    expect(json["DATABASE_URL"]).toBe("(hidden)");
    const faulty = await runMuster(["config"], { env: { DATABASE_URL: `mysql://x:${PASSWORD}@db` } });
    expect(faulty.code).toBe(1);
    expect(JSON.stringify([words, json, faulty])).not.toContain(PASSWORD);
  }, 60_000);

  test("hides what a URL carries also where the setting is no secret, in every setting", async () => {
    const url = `https://key:${PASSWORD}@s3.example.org`;
    const names = allSettings.map(({ env }) => env);
    for (const value of [url, `key:${PASSWORD}@s3.example.org`, `rediss://:${PASSWORD}/@x`]) {
      const env = Object.fromEntries(names.map((name) => [name, value]));
      expect(() => parseConfig(env)).toThrow("S3_ENDPOINT must be an https:// URL");
      const faults = await Promise.try(() => parseConfig(env)).catch((error: Error) => error.message);
      expect(faults).not.toContain(PASSWORD);
      expect(JSON.stringify(describeConfig(env))).not.toContain(PASSWORD);
    }
    expect(() => parseConfig({ DATABASE_URL_FILE: URL_WITH_SECRET })).toThrow("postgres://…@db.example");
    const { stdout, stderr } = await runMuster(["config"], { env: { S3_ENDPOINT: url } });
    expect(stdout).toContain("S3_ENDPOINT=https://…@s3.example.org");
    expect(stderr).toContain('got "https://…@s3.example.org".');
    expect(stdout + stderr).not.toContain(PASSWORD);
  }, 60_000);

  test("says all that may stand in PROCESSES", () => {
    for (const value of ["x", "0", "Auto"])
      expect(() => parseConfig({ PROCESSES: value })).toThrow(
        `PROCESSES must be auto or a whole number from 1 to 64, got "${value}".`,
      );
    expect(parseConfig({ PROCESSES: "auto" }).processes.count).toBeGreaterThan(0);
  });

  test("two listeners on one port are a fault, which is told before anything is made", () => {
    const at = (main: string, health: string) => () =>
      parseConfig({ LISTEN_ADDRESS: main, HEALTH_LISTEN_ADDRESS: health });
    for (const [main, health] of [
      ["127.0.0.1:8081", "127.0.0.1:8081"],
      [":8081", "127.0.0.1:8081"],
      ["[::1]:8081", "[::]:8081"],
    ] as const)
      expect(at(main, health)).toThrow("LISTEN_ADDRESS and HEALTH_LISTEN_ADDRESS both have the port 8081");
    for (const [main, health] of [
      ["127.0.0.1:0", "127.0.0.1:0"],
      ["127.0.0.1:8081", "127.0.0.2:8081"],
      [":8081", ":8091"],
    ] as const)
      expect(at(main, health)).not.toThrow();
  });

  test("prints the README's table, the same whatever is set", async () => {
    const plain = await runMuster(["config", "--markdown"]);
    const set = await runMuster(["config", "--markdown"], { env: { LOG_LEVEL: "debug", DATA_DIR: "/elsewhere" } });
    expect(set.stdout).toBe(plain.stdout);
    expect(plain.stdout).toStartWith("| setting | default | meaning |\n");
    expect(plain.stdout).toContain("| `API_MAX_REQUEST_SIZE` | `10MB` |");
  }, 60_000);

  test.each(["config", "migrate", "serve", "doctor"])(
    "%s names every fault at once and ends with 1",
    async (verb) => {
      const env = {
        LISTEN_ADDRESS: "everywhere",
        API_MAX_REQUEST_SIZE: "huge",
        SHUTDOWN_TIMEOUT: "soon",
        LOG_LEVEL: "loud",
        DATABASE_URL: "mysql://db",
        DATA_DIR: join(directory, "never-made"),
      };
      const { code, stderr } = await runMuster([verb], { env });
      expect(code).toBe(1);
      for (const name of ["LISTEN_ADDRESS", "API_MAX_REQUEST_SIZE", "SHUTDOWN_TIMEOUT", "LOG_LEVEL", "DATABASE_URL"])
        expect(stderr).toMatch(new RegExp(`^  ${name} must be .+, got .+\\.$`, "m"));
      expect(stderr).not.toContain("DATA_DIR");
    },
    60_000,
  );
});

describe("a secret's _FILE twin", () => {
  test("is read, and the line feed at its end is not part of the secret", async () => {
    const path = join(directory, "url");
    writeFileSync(path, "postgres://127.0.0.1:1/none\n");
    const { code, stderr } = await runMuster(["tokens", "list"], { env: { DATABASE_URL_FILE: path } });
    expect(code).toBe(1);
    expect(stderr).toContain("ECONNREFUSED");
  }, 60_000);

  test("is refused beside the setting itself", async () => {
    const env = { DATABASE_URL_FILE: join(directory, "url"), DATABASE_URL: "postgres://db/x" };
    const { code, stderr } = await runMuster(["config"], { env });
    expect(code).toBe(1);
    expect(stderr).toContain("DATABASE_URL and DATABASE_URL_FILE are both set; keep one.");
  }, 60_000);

  test("that cannot be read is named, among all other faults", async () => {
    const env = { DATABASE_URL_FILE: join(directory, "missing"), LISTEN_ADDRESS: "everywhere" };
    const { code, stderr } = await runMuster(["config"], { env });
    expect(code).toBe(1);
    expect(stderr).toContain(`DATABASE_URL_FILE names "${env.DATABASE_URL_FILE}", which cannot be read`);
    expect(stderr).toContain("LISTEN_ADDRESS must be an address");
  }, 60_000);
});

test("no line of the log holds what a URL carries, whoever quoted it", () => {
  for (const format of ["text", "json"] as const) {
    let line = "";
    const log = openLog({ level: "info", format, write: (written) => (line += written) });
    log.info(`redis://:${PASSWORD}@h is away.`, {
      reason: `connect ${URL_WITH_SECRET}`,
      where: `at //x:${PASSWORD}@y`,
    });
    expect(line).not.toContain(PASSWORD);
    expect(line).toContain("db.example:5432/muster");
  }
});
