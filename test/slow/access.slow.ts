// Shuts everybody else out of the carried PostgreSQL: other users of the machine reach neither its socket nor its files.
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { firstClosedDirectory } from "../../src/adapters/postgres/carried/files/account.ts";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import { giveTo, layoutOf } from "../../src/adapters/postgres/carried/files/layout.ts";
import { passwdByName } from "../../src/adapters/postgres/carried/files/libc.ts";
import { openPostgres } from "../../src/adapters/postgres/open.ts";
import { ROOT } from "../support/program.ts";
import { temporaryDirectory, testLog } from "../support/run.ts";

const TEST_MS = 240_000;
const NOBODY = { uid: 65_534, gid: 65_534 };
const DAEMON = { uid: 1, gid: 1 };
/** Connects as the superuser without a password, and prints the server's first answer or the system's. */
const CONNECT = `
  const socket = require("node:net").connect(process.argv[1]);
  const text = "user\\0muster\\0database\\0muster\\0\\0";
  const packet = Buffer.alloc(8 + text.length);
  packet.writeInt32BE(packet.length, 0);
  packet.writeInt32BE(196608, 4);
  packet.write(text, 8);
  socket.on("connect", () => socket.write(packet));
  socket.on("data", (chunk) => (console.log(chunk.toString("latin1")), process.exit()));
  socket.on("error", (error) => (console.log(error.code), process.exit()));
`;

async function open(dataDir: string) {
  const opened = await openPostgres({ dataDir, databaseUrl: undefined, role: "serve", log: testLog });
  const database = openDatabase(opened.connection, { maxConnections: 2, log: testLog });
  const dispose = async () => {
    await database.close();
    await opened.close();
  };
  return { ...opened, database, [Symbol.asyncDispose]: dispose };
}

/** A Bun that everybody may run, wherever this one is. */
function strangersBun(): string {
  const path = join(temporaryDirectory("stranger"), "bun");
  copyFileSync(process.execPath, path, constants.COPYFILE_FICLONE);
  chmodSync(path, 0o755);
  return path;
}

async function sayAs(who: { uid: number; gid: number }, command: string[]): Promise<string> {
  const child = Bun.spawn(command, { ...who, cwd: "/", env: {}, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return out + err;
}

/** Every file and directory below the path that the user can open. */
async function readable(who: { uid: number; gid: number }, dataDir: string): Promise<string[]> {
  const { root, files, run, log } = layoutOf(dataDir);
  const names = readdirSync(files).map((name) => join(files, name));
  const paths = [files, run, log, ...names, ...readdirSync(run).map((name) => join(run, name))];
  const script =
    'for path; do if [ -d "$path" ]; then ls "$path"; else head -c 1 "$path"; fi >/dev/null 2>&1 && echo "$path"; done';
  const said = await sayAs(who, ["/bin/sh", "-c", script, "sh", ...paths]);
  return said.split("\n").filter((line) => line.startsWith(root));
}

const socketOf = (dataDir: string) => join(layoutOf(dataDir).run, ".s.PGSQL.5432");
const uidOf = (pid: number | null | undefined) => statSync(`/proc/${pid}`).uid;

test(
  "the socket's directory is closed, and peers are asked for their name",
  async () => {
    const dataDir = temporaryDirectory("access");
    await using pg = await open(dataDir);
    const { files, run } = layoutOf(dataDir);
    expect(statSync(run).mode & 0o777).toBe(0o700);
    expect(statSync(files).mode & 0o777).toBe(0o700);
    expect(
      await pg.database.query("select count(*)::int as n from pg_hba_file_rules where auth_method = 'peer'"),
    ).toEqual([{ n: 1 }]);
    expect(await pg.database.query("select * from pg_hba_file_rules where auth_method <> 'peer'")).toEqual([]);
    expect(statSync(join(files, "pg_hba.conf")).mode & 0o777).toBe(0o600);
  },
  TEST_MS,
);

describe.if(process.getuid?.() === 0)("as root", () => {
  test(
    "without a user of its own, PostgreSQL has an id that nobody else has, and lets in root alone",
    async () => {
      const dataDir = temporaryDirectory("access");
      await using pg = await open(dataDir);
      const own = uidOf(pg.info()?.pid);
      if (!passwdByName("muster")) expect(own).toBeGreaterThanOrEqual(60_578);
      expect(own).not.toBe(NOBODY.uid);
      expect(statSync(layoutOf(dataDir).files).uid).toBe(own);
      expect(await pg.database.query("select 1 as one")).toEqual([{ one: 1 }]);

      const bun = strangersBun();
      for (const who of [NOBODY, DAEMON]) {
        expect(await sayAs(who, [bun, "-e", CONNECT, socketOf(dataDir)])).toBe("EACCES\n");
        expect(await readable(who, dataDir)).toEqual([]);
      }
      // Whoever came by that id would have the files, but no way into the server that runs.
      expect(await sayAs({ uid: own, gid: own }, [bun, "-e", CONNECT, socketOf(dataDir)])).toContain("C28000");
    },
    TEST_MS,
  );

  test(
    "with a data directory of another user, PostgreSQL is that user's, who may come in, and nobody else",
    async () => {
      const dataDir = temporaryDirectory("access");
      chownSync(dataDir, DAEMON.uid, DAEMON.gid);
      await using pg = await open(dataDir);
      expect(uidOf(pg.info()?.pid)).toBe(DAEMON.uid);
      const bun = strangersBun();
      expect(await sayAs(NOBODY, [bun, "-e", CONNECT, socketOf(dataDir)])).toBe("EACCES\n");
      expect(await readable(NOBODY, dataDir)).toEqual([]);
      expect(await sayAs(DAEMON, [bun, "-e", CONNECT, socketOf(dataDir)])).toMatch(/^R/);
    },
    TEST_MS,
  );

  test(
    "files that an older version made for nobody, open to whoever reached the socket, are closed at the next start",
    async () => {
      const dataDir = temporaryDirectory("access");
      await (await open(dataDir))[Symbol.asyncDispose]();
      const { files } = layoutOf(dataDir);
      writeFileSync(join(files, "pg_hba.conf"), "local all all trust\n");
      mkdirSync(join(files, "pg_wal/deep"));
      giveTo(files, NOBODY);
      await using pg = await open(dataDir);
      expect(await pg.database.query("select 1 as one")).toEqual([{ one: 1 }]);
      for (const path of ["", "pg_hba.conf", "pg_ident.conf", "PG_VERSION", "pg_wal/deep"])
        expect(statSync(join(files, path)).uid).toBe(uidOf(pg.info()?.pid));
      expect(readFileSync(join(files, "pg_hba.conf"), "utf8")).not.toContain("trust");
      const bun = strangersBun();
      expect(await sayAs(NOBODY, [bun, "-e", CONNECT, socketOf(dataDir)])).toBe("EACCES\n");
      expect(await readable(NOBODY, dataDir)).toEqual([]);
    },
    TEST_MS,
  );

  test.skipIf(firstClosedDirectory(DAEMON, ROOT) !== undefined)(
    "run by a user without privileges, everything is that user's, and other users stay outside",
    async () => {
      const dataDir = temporaryDirectory("access");
      chownSync(dataDir, DAEMON.uid, DAEMON.gid);
      const bun = strangersBun();
      const gateway = Bun.spawn([bun, join(ROOT, "test/support/carried-gateway.ts"), dataDir], {
        ...DAEMON,
        cwd: "/",
        env: {},
        stdio: ["pipe", "pipe", "inherit"],
      });
      const { value } = await gateway.stdout.getReader().read();
      const pid = Number(/^ready (\d+)/.exec(new TextDecoder().decode(value))?.[1]);
      expect(uidOf(pid)).toBe(DAEMON.uid);
      expect(await sayAs(NOBODY, [bun, "-e", CONNECT, socketOf(dataDir)])).toBe("EACCES\n");
      expect(await readable(NOBODY, dataDir)).toEqual([]);
      for (const who of [DAEMON, { uid: 0, gid: 0 }])
        expect(await sayAs(who, [bun, "-e", CONNECT, socketOf(dataDir)])).toMatch(/^R/);
      await gateway.stdin.end();
      expect(await gateway.exited).toBe(0);
    },
    TEST_MS,
  );
});
