// The carried PostgreSQL through its whole life: first start, second start, kills, orphans, races for one data directory.
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sentenceFor } from "../../src/adapters/postgres/carried/files/cluster.ts";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { openPostgres } from "../../src/adapters/postgres/open.ts";
import type { OpenedPostgres } from "../../src/adapters/postgres/open.ts";
import { deathsInARow, pauseMs } from "../../src/adapters/postgres/carried/supervisor.ts";
import { serverProcesses } from "../../src/adapters/postgres/carried/remains.ts";
import { temporaryDirectory, testLog } from "../support/run.ts";

interface Opened extends OpenedPostgres {
  database: PostgresDatabase;
  [Symbol.asyncDispose](): Promise<void>;
}

const directories: string[] = [];
const gateways: Bun.Subprocess<"pipe", "pipe", "inherit">[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) {
    gateway.kill("SIGKILL");
    await gateway.exited;
  }
  for (const directory of directories.splice(0)) {
    for (const { pid } of serverProcesses(filesOf(directory))) process.kill(pid, "SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}, 240_000);

describe("the carried PostgreSQL", () => {
  test("starts from nothing, keeps what it was told, starts again without making anything, and leaves no process", async () => {
    const dataDir = newDataDir();
    const said: string[] = [];
    const info = (words: string) => void said.push(words);
    {
      await using pg = await open(dataDir, "serve", info);
      await pg.database.query("create table notes (text text)");
      await pg.database.query("insert into notes values ($1)", ["kept"]);
    }
    {
      await using pg = await open(dataDir, "serve", info);
      expect(await pg.database.query("select text from notes")).toEqual([{ text: "kept" }]);
    }
    expect(said).toEqual(["Made a database and started the carried PostgreSQL.", "Started the carried PostgreSQL."]);
    expect(serverProcesses(filesOf(dataDir))).toEqual([]);
  }, 240_000);

  test("keeps data safely and sorts the same everywhere", async () => {
    await using pg = await open(newDataDir());
    const settings = await pg.database.query(
      `select name, setting from pg_settings where name = any($1) order by name`,
      [
        [
          "data_checksums",
          "fsync",
          "full_page_writes",
          "listen_addresses",
          "recovery_init_sync_method",
          "synchronous_commit",
          "server_encoding",
        ],
      ],
    );
    expect(settings).toEqual([
      { name: "data_checksums", setting: "on" },
      { name: "fsync", setting: "on" },
      { name: "full_page_writes", setting: "on" },
      { name: "listen_addresses", setting: "" },
      { name: "recovery_init_sync_method", setting: "syncfs" },
      { name: "server_encoding", setting: "UTF8" },
      { name: "synchronous_commit", setting: "on" },
    ]);
    const words = await pg.database.query(
      "select w, upper(w) as up from unnest(array['é', 'b', 'A', 'a']) w order by w",
    );
    expect(words).toEqual([
      { w: "A", up: "A" },
      { w: "a", up: "A" },
      { w: "b", up: "B" },
      { w: "é", up: "É" },
    ]);
  }, 240_000);

  test("answers again after a kill -9, with everything that was committed", async () => {
    await using pg = await open(newDataDir());
    await pg.database.query("create table notes (id int)");
    for (let round = 1; round <= 3; round += 1) {
      await pg.database.query("insert into notes values ($1)", [round]);
      const killed = pg.info()?.pid ?? 0;
      process.kill(killed, "SIGKILL");
      const rows = await eventually(() => {
        // Until then the killed server's children may still answer what was asked before they notice.
        if (pg.info()?.restarts !== round || pg.info()?.pid === null) throw new Error("not yet");
        return pg.database.query("select id from notes");
      });
      expect(rows).toHaveLength(round);
      expect(pg.info()?.pid).not.toBe(killed);
    }
  }, 240_000);

  test("a statement under way when the server is killed is a 503, not a riddle", async () => {
    await using pg = await open(newDataDir());
    const slow = pg.database.query("select pg_sleep(20)");
    await eventually(async () => {
      const rows = await pg.database.query(
        "select 1 from pg_stat_activity where query like '%pg_sleep(20)' and state = 'active'",
      );
      if (rows.length < 1) throw new Error("not yet");
    });
    process.kill(pg.info()?.pid ?? 0, "SIGKILL");
    await expect(slow).rejects.toMatchObject({ code: "database.unavailable", status: 503, retryAfterSeconds: 1 });
  }, 240_000);

  test("a server that outlived a killed gateway is stopped by the next one, which goes on with its data", async () => {
    const dataDir = newDataDir();
    const { gateway, serverPid } = await startGateway(dataDir);
    expect(serverProcesses(filesOf(dataDir))).toContainEqual({ pid: serverPid, isMain: true });
    killCompanion(serverPid);
    gateway.kill("SIGKILL");
    await gateway.exited;
    expect(serverProcesses(filesOf(dataDir))).toContainEqual({ pid: serverPid, isMain: true });
    await using pg = await open(dataDir);
    expect(await pg.database.query("select 1 as one")).toEqual([{ one: 1 }]);
    const main = serverProcesses(filesOf(dataDir)).filter((one) => one.isMain);
    expect(main).toEqual([{ pid: pg.info()?.pid ?? 0, isMain: true }]);
    expect(main[0]?.pid).not.toBe(serverPid);
  }, 240_000);

  test("a note of a dead server whose pid now belongs to somebody else does not keep it from starting", async () => {
    const dataDir = newDataDir();
    await (await open(dataDir))[Symbol.asyncDispose]();
    writeFileSync(
      join(filesOf(dataDir), "postmaster.pid"),
      `${process.ppid}\n${filesOf(dataDir)}\n1\n5432\n../run\n\n 1 1\nready\n`,
    );
    await using pg = await open(dataDir);
    expect(await pg.database.query("select 1 as one")).toEqual([{ one: 1 }]);
  }, 240_000);

  test("a first start that was killed in the middle is done again", async () => {
    const dataDir = newDataDir();
    const gateway = spawnGateway(dataDir, "serve");
    const root = join(dataDir, "postgres");
    await eventually(() => {
      if (!readdirSync(root).some((name) => name.startsWith(".initdb-"))) throw new Error("not yet");
    }, 1);
    gateway.kill("SIGKILL");
    await gateway.exited;
    expect(existsSync(filesOf(dataDir))).toBe(false);
    await using pg = await open(dataDir);
    expect(await pg.database.query("select 1 as one")).toEqual([{ one: 1 }]);
    expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  }, 240_000);

  test("works under a path longer than a socket's may be", async () => {
    const dataDir = join(newDataDir(), "a-directory-with-a-long-name".repeat(4), "and-another-one".repeat(4));
    expect(dataDir.length).toBeGreaterThan(150);
    await using pg = await open(dataDir);
    expect(await pg.database.query("select 1 as one")).toEqual([{ one: 1 }]);
  }, 240_000);

  test("files of another major version are refused in words", async () => {
    const dataDir = newDataDir();
    mkdirSync(filesOf(dataDir), { recursive: true });
    writeFileSync(join(filesOf(dataDir), "PG_VERSION"), "12\n");
    await expect(open(dataDir)).rejects.toThrow("was made by PostgreSQL 12, and this executable carries PostgreSQL 18");
  }, 240_000);

  test("files that are no database are left alone, in words", async () => {
    const dataDir = newDataDir();
    mkdirSync(filesOf(dataDir), { recursive: true });
    writeFileSync(join(filesOf(dataDir), "letter.txt"), "mine");
    await expect(open(dataDir)).rejects.toThrow("exists but holds no PostgreSQL database");
    expect(readFileSync(join(filesOf(dataDir), "letter.txt"), "utf8")).toBe("mine");
  }, 240_000);

  test("is out of reach of a Ctrl-C in the gateway's terminal", async () => {
    await using pg = await open(newDataDir());
    const session = (pid: number) =>
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ")[3];
    expect(session(pg.info()?.pid ?? 0)).toBe(String(pg.info()?.pid));
    expect(session(process.pid)).not.toBe(session(pg.info()?.pid ?? 0));
  }, 240_000);
});

describe("a start that fails", () => {
  test("says that the disk is full, in whichever words PostgreSQL did", () => {
    const outputs = [
      'initdb: error: could not write file "postgresql.conf": No space left on device',
      'FATAL:  could not extend file "base/1/3164": wrote only 4096 of 8192 bytes at block 0\nHINT:  Check free disk space.',
      "FATAL:  could not open file: Disk quota exceeded",
    ];
    for (const output of outputs) {
      expect(sentenceFor(output, "No start")).toBe("No start: the disk is full. Free some space, then start again.");
    }
  }, 240_000);

  test("repeats PostgreSQL's own reason without the chatter around it", () => {
    expect(sentenceFor("LOG:  starting\nFATAL:  data directory has wrong ownership\nLOG:  bye\n", "No start")).toBe(
      "No start: FATAL:  data directory has wrong ownership",
    );
    expect(sentenceFor("", "No start")).toBe("No start: it gave no reason");
  }, 240_000);

  test("leaves the directory free for the next try", async () => {
    const dataDir = newDataDir();
    await (await open(dataDir))[Symbol.asyncDispose]();
    writeFileSync(join(filesOf(dataDir), "postgresql.conf"), "no_such_setting = 1\n");
    await expect(open(dataDir)).rejects.toThrow(/does not start: .*no_such_setting.*postgres\.log/);
    writeFileSync(join(filesOf(dataDir), "postgresql.conf"), "");
    await using pg = await open(dataDir);
    expect(await pg.database.query("select 1 as one")).toEqual([{ one: 1 }]);
  }, 240_000);
});

describe("a server that dies again and again", () => {
  const pausesOf = (death: { isReady: boolean; livedMs: number }) => {
    let deaths = 0;
    return Array.from({ length: 8 }, () => pauseMs((deaths = deathsInARow(deaths, death))));
  };

  test("is started within half a second each time when it had answered, however soon it is killed", () => {
    expect(pausesOf({ isReady: true, livedMs: 10 })).toEqual([20, 100, 250, 500, 500, 500, 500, 500]);
    expect(pausesOf({ isReady: true, livedMs: 1_000 })).toEqual(Array(8).fill(20));
  }, 240_000);

  test("is started later and later when it never answers", () => {
    expect(pausesOf({ isReady: false, livedMs: 10 })).toEqual([20, 100, 250, 500, 1_000, 2_000, 5_000, 5_000]);
  }, 240_000);
});

describe("one data directory", () => {
  test("a second muster that wants to serve from it is refused with the pid of the first", async () => {
    const dataDir = newDataDir();
    const { gateway } = await startGateway(dataDir);
    await expect(open(dataDir)).rejects.toThrow(
      `Another muster (pid ${gateway.pid}) already serves from ${dataDir}. Stop it first, or set another DATA_DIR for this one.`,
    );
    await stopGateway(gateway);
    await using pg = await open(dataDir);
    expect(await pg.database.query("select 1 as one")).toEqual([{ one: 1 }]);
  }, 240_000);

  test("a command uses the server of the muster that serves, and leaves it running", async () => {
    const dataDir = newDataDir();
    const { gateway, serverPid } = await startGateway(dataDir);
    {
      await using pg = await open(dataDir, "cli");
      expect(pg.carried).toBe(true);
      expect(pg.info()).toBeUndefined();
      expect(await pg.database.query("select 1 as one")).toEqual([{ one: 1 }]);
    }
    expect(serverProcesses(filesOf(dataDir))).toContainEqual({ pid: serverPid, isMain: true });
    await stopGateway(gateway);
    expect(serverProcesses(filesOf(dataDir))).toEqual([]);
  }, 240_000);

  test("a command alone starts the server and stops it again", async () => {
    const dataDir = newDataDir();
    {
      await using pg = await open(dataDir, "cli");
      expect(await pg.database.query("select 1 as one")).toEqual([{ one: 1 }]);
    }
    expect(serverProcesses(filesOf(dataDir))).toEqual([]);
  }, 240_000);

  test("commands that race with one another and with a starting muster all get their answer", async () => {
    const dataDir = newDataDir();
    const ask = async () => {
      await using pg = await open(dataDir, "cli");
      return pg.database.query<{ one: number }>("select 1 as one");
    };
    const starting = startGateway(dataDir);
    const one = [{ one: 1 }];
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([one, one, one]);
    const { gateway } = await starting;
    expect(await ask()).toEqual([{ one: 1 }]);
    await stopGateway(gateway);
    expect(serverProcesses(filesOf(dataDir))).toEqual([]);
  }, 240_000);

  test("with a DATABASE_URL nothing is carried and nothing is locked", async () => {
    const dataDir = join(newDataDir(), "never-made");
    const databaseUrl = "postgres://me:hush@db.example:6543/muster";
    const opened = await openPostgres({ dataDir, databaseUrl, role: "serve", log: testLog });
    expect(opened).toMatchObject({ carried: false, connection: { connectionString: databaseUrl } });
    expect(opened.describe).toBe("PostgreSQL at db.example:6543, database muster");
    await opened.close();
    expect(existsSync(dataDir)).toBe(false);
  }, 240_000);
});

describe.if(process.getuid?.() === 0)("as root", () => {
  test("a directory that the server's user cannot reach is refused with what to do", async () => {
    const closed = newDataDir();
    mkdirSync(join(closed, "private"), { mode: 0o700 });
    await expect(open(join(closed, "private/data"))).rejects.toThrow(
      new RegExp(`runs as the user \\w+, who may not pass through ${closed}/private\\..*chmod o\\+x ${closed}/private`),
    );
  }, 240_000);
});

function newDataDir(): string {
  const path = temporaryDirectory("carried");
  directories.push(path);
  return path;
}

const filesOf = (dataDir: string) => join(dataDir, "postgres/data");

async function open(dataDir: string, role: "serve" | "cli" = "serve", info = testLog.info): Promise<Opened> {
  const log = { ...testLog, warn: () => {}, info };
  const opened = await openPostgres({ dataDir, databaseUrl: undefined, role, makes: true, log });
  const database = openDatabase(opened.connection, { maxConnections: 4, log: testLog });
  const dispose = async () => {
    await database.close();
    await opened.close();
  };
  return { ...opened, database, [Symbol.asyncDispose]: dispose };
}

function spawnGateway(dataDir: string, role: string) {
  const program = join(import.meta.dir, "../support/carried-gateway.ts");
  const gateway = Bun.spawn([process.execPath, program, dataDir, role], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  gateways.push(gateway);
  return gateway;
}

async function startGateway(dataDir: string) {
  const gateway = spawnGateway(dataDir, "serve");
  const { value } = await gateway.stdout.getReader().read();
  const serverPid = Number(/^ready (\d+)/.exec(new TextDecoder().decode(value))?.[1]);
  return { gateway, serverPid };
}

/** Then nobody ends the server when its gateway is killed. */
function killCompanion(serverPid: number): void {
  for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
    const words = existsSync(`/proc/${name}/cmdline`) ? readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0") : [];
    if (words[0] === "/bin/sh" && words[4] === String(serverPid)) process.kill(Number(name), "SIGKILL");
  }
}

async function stopGateway(gateway: Bun.Subprocess<"pipe", "pipe", "inherit">): Promise<void> {
  await gateway.stdin.end();
  expect(await gateway.exited).toBe(0);
}

/** Tries until it works; the test's own time limit ends it. */
async function eventually<T>(attempt: () => T | Promise<T>, pauseMs = 10): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await Bun.sleep(pauseMs);
    }
  }
}
