// Where settings come from: the environment, the settings of the installed service, and what was mistyped in either.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { completeEnvironment } from "../../src/config/file.ts";
import { findMisspelt } from "../../src/app/settings.ts";
import { runCommand } from "../support/command.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { runMuster, SOURCES } from "../support/program.ts";
import { temporaryDirectory } from "../support/run.ts";

let directory: string;
let settings: string;
const program = "/usr/bin/muster";
beforeAll(() => {
  directory = temporaryDirectory("settings");
  settings = join(directory, "etc/muster.env");
  mkdirSync(join(directory, "etc"));
  writeFileSync(settings, "DUMP_SCHEDULE=30 2 * * *\nDATABASE_URL_FILE=/run/url\nLOG_LEVEL=warn\nexport A=1\n");
}, 60_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }), 60_000);

describe("the installed program", () => {
  test("reads the service's settings, and knows where its data is", () => {
    expect(completeEnvironment({ PATH: "/bin" }, { program, settings })).toEqual({
      env: {
        PATH: "/bin",
        DATA_DIR: "/var/lib/muster",
        DUMP_SCHEDULE: "30 2 * * *",
        DATABASE_URL_FILE: "/run/url",
        LOG_LEVEL: "warn",
        MUSTER_ENV_FILE: "",
      },
      file: settings,
      ignored: ["export A"],
    });
  });

  test("an explicit variable goes before the file, also an empty one, also a secret before the file that holds it", () => {
    const given = { LOG_LEVEL: "", DATABASE_URL: "postgres://db/x", DATA_DIR: "/srv" };
    const { env } = completeEnvironment(given, { program, settings });
    expect(env).toMatchObject(given);
    expect(env).not.toHaveProperty("DATABASE_URL_FILE");
  });

  test("without the file there are defaults; where nothing was installed, the environment is all there is", () => {
    const missing = join(directory, "etc/none.env");
    expect(completeEnvironment({}, { program, settings: missing }).env).toMatchObject({ DATA_DIR: "/var/lib/muster" });
    for (const elsewhere of [undefined, "/root/dist/muster", "/home/me/muster"])
      expect(completeEnvironment({ A: "1" }, { program: elsewhere, settings })).toEqual({
        env: { A: "1" },
        ignored: [],
      });
    expect(completeEnvironment({}, { program, settings: "/nonexistent/muster/muster.env" }).env).toEqual({});
  });

  test("MUSTER_ENV_FILE names another file, for every program, or none", () => {
    const named = completeEnvironment({ MUSTER_ENV_FILE: settings }, { program: undefined });
    expect(named).toMatchObject({ file: settings, env: { LOG_LEVEL: "warn" } });
    expect(completeEnvironment({ MUSTER_ENV_FILE: "" }, { program, settings })).toMatchObject({ ignored: [] });
    expect(() => completeEnvironment({ MUSTER_ENV_FILE: "/none.env" }, { program })).toThrow(
      "The settings in /none.env cannot be read: ENOENT",
    );
  });

  test("works on the service's database, and config says where it read", async () => {
    await using database = await createTestDatabase();
    const file = join(directory, "etc/own.env");
    writeFileSync(file, `DATABASE_URL="${database.url}"\nDATA_DIR=${directory}\n`);
    const added = await runCommand(["systems", "add", "--name", "a"], {}, { program, settings: file });
    expect(added.stderr).toContain("Changed: the database muster_");
    const shown = await runCommand(["config"], {}, { program, settings: file });
    expect(shown.stderr).toContain(`Read from the environment, and from ${file}.`);
    expect(shown.stdout).toContain("DATABASE_URL=(hidden)");
  }, 60_000);

  test.skipIf(process.getuid?.() !== 0 || !Bun.which("setpriv"))(
    "where the file may not be read, says who may",
    async () => {
      const file = join(directory, "closed.env");
      writeFileSync(file, "");
      chmodSync(file, 0o640);
      const as = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const env = { MUSTER_ENV_FILE: file };
      const { code, stderr } = await runMuster(["systems", "list"], { env, command: [...as, ...SOURCES] });
      expect(code).toBe(1);
      expect(stderr).toContain(`The settings in ${file} cannot be read: EACCES`);
      expect(stderr).toContain('"runuser -u muster -- muster …"');
      expect((await runMuster(["version"], { env, command: [...as, ...SOURCES] })).code).toBe(0);
    },
    30_000,
  );
});

describe("a mistyped setting", () => {
  test.each([
    ["HEARTBEAT_TIMOUT_MINUTES", "HEARTBEAT_TIMEOUT_MINUTES"],
    ["HEARTBEAT_TIMEOUT", "HEARTBEAT_TIMEOUT_MINUTES"],
    ["DATABSE_URL", "DATABASE_URL"],
    ["database_url", "DATABASE_URL"],
    ["DATADIR", "DATA_DIR"],
    ["MUSTER_LOG_LEVEL", "LOG_LEVEL"],
    ["REDIS_PASSWD", "REDIS_PASSWORD"],
    ["MIMIR_URI", "MIMIR_URL"],
    ["DATABASE_URL_FIEL", "DATABASE_URL_FILE"],
    ["BACKUP_S3_BUKCET", "BACKUP_S3_BUCKET"],
    ["ALERTS_RATE", "ALERTS_RATE_PER_MINUTE"],
  ])("%s is meant to be %s", (name, meant) =>
    expect(findMisspelt({ [name]: "1" })).toEqual([
      { name, sentence: `${name} is no setting. Did you mean ${meant}?` },
    ]),
  );

  test("a file for what is no secret is named", () =>
    expect(findMisspelt({ LISTEN_ADDRESS_FILE: "/a" }).map((one) => one.sentence)).toEqual([
      "LISTEN_ADDRESS_FILE is not read: only secrets come from files. Set LISTEN_ADDRESS.",
    ]));

  test("what belongs to others, and what is right, is left alone", () => {
    const others =
      "PATH HOME LANG LC_ALL TERM SHELL USER PWD EDITOR TZ PGHOST PGPORT PGDATA NODE_ENV NODE_OPTIONS HTTP_PROXY no_proxy AWS_REGION AWS_SECRET_ACCESS_KEY KUBERNETES_SERVICE_HOST MUSTER_SERVICE_HOST MUSTER_PORT_8081_TCP MIMIR_PORT MIMIR_SERVICE_PORT_HTTP XDG_DATA_DIRS APP_NAME APP_PORT REDIS_HOST REDIS_PORT POSTGRES_USER POSTGRES_PASSWORD LOG_FILE LOG_DIR LISTEN_PID LISTEN_FDS INVOCATION_ID JOURNAL_STREAM STATE_DIRECTORY CREDENTIALS_DIRECTORY DATABASE_HOST DATABASE_NAME TEST_POSTGRES_URL REQUIRE_SERVICES ROLE SSL_CERT_FILE MUSTER_ENV_FILE DATABASE_URL DATABASE_URL_FILE TLS_CERT_FILE";
    expect(findMisspelt(Object.fromEntries(others.split(" ").map((name) => [name, "1"])))).toEqual([]);
  });

  test("is named once by what needs settings, on stderr, and is no fault", async () => {
    const env = { HEARTBEAT_TIMOUT_MINUTES: "5" };
    const said = "HEARTBEAT_TIMOUT_MINUTES is no setting. Did you mean HEARTBEAT_TIMEOUT_MINUTES?\n";
    expect(await runCommand(["config", "--json"], env)).toMatchObject({ code: 0, stderr: said });
    expect((await runCommand(["systems", "list"], { ...env, DATA_DIR: directory })).stderr).toStartWith(said);
    expect((await runCommand(["version"], env)).stderr).toBe("");
    const json = await runCommand(["config"], { ...env, LOG_FORMAT: "json" });
    expect(JSON.parse(json.stderr)).toMatchObject({ level: "warn", message: said.trim() });
  }, 60_000);
});
