// The carried PostgreSQL killed, frozen and without room: answers stay honest, and nothing acknowledged is lost.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { layoutOf } from "../../src/adapters/postgres/carried/files/layout.ts";
import { readPostmaster, serverProcesses } from "../../src/adapters/postgres/carried/remains.ts";
import { limitOf, openArena } from "../support/arena.ts";
import { openHalfOpenWay } from "../support/half-open.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/run.ts";

describe("nothing acknowledged is lost or doubled", () => {
  test(
    "when PostgreSQL is killed under load, and it serves again within 2 s",
    async () => {
      await using arena = await openArena();
      const outages: number[] = [];
      await arena.survive("PostgreSQL killed", 3, async () => {
        const postmaster = readPostmaster(layoutOf(arena.dataDir).files);
        if (!postmaster) throw new Error("there is no postmaster to kill");
        process.kill(postmaster.pid, "SIGKILL");
        outages.push(await arena.untilServing());
        return outages.at(-1) ?? 0;
      });
      expect(Math.max(...outages)).toBeLessThan(2_000);
    },
    limitOf(3),
  );

  test(
    "when PostgreSQL is frozen for seconds, and then goes on",
    async () => {
      await using arena = await openArena();
      await arena.survive("PostgreSQL frozen 3 s", 1, async () => {
        const pids = serverProcesses(layoutOf(arena.dataDir).files).map(({ pid }) => pid);
        for (const pid of pids) process.kill(pid, "SIGSTOP");
        await Bun.sleep(3_000);
        for (const pid of pids) process.kill(pid, "SIGCONT");
        return arena.untilServing();
      });
    },
    limitOf(1),
  );

  test(
    "when the way to PostgreSQL is half open: connections stay, and nothing comes through",
    async () => {
      await using fixture = await createTestDatabase();
      const target = new URL(fixture.url);
      const directory = temporaryDirectory("half-open");
      const name = ".s.PGSQL.5432";
      await using way = await openHalfOpenWay(join(directory, name), join(target.searchParams.get("host") ?? "", name));
      const through = `postgres://${target.username || "postgres"}@localhost${target.pathname}?host=${encodeURIComponent(directory)}`;
      await using arena = await openArena({ env: { DATABASE_URL: through }, database: fixture.database });
      await arena.survive("PostgreSQL half open 3 s", 1, async () => {
        way.swallow();
        await Bun.sleep(3_000);
        way.heal();
        return arena.untilServing();
      });
      rmSync(directory, { recursive: true, force: true });
    },
    limitOf(1),
  );

  const canMount = process.getuid?.() === 0 && spawnSync("mount", ["--version"]).status === 0;
  if (!canMount && process.env["REQUIRE_SERVICES"])
    throw new Error("The full disk needs root, to mount a small one, and REQUIRE_SERVICES is set.");
  if (!canMount) console.warn("Skipped: the full disk, which needs root to mount a small one.");
  test.skipIf(!canMount)(
    "when the disk is full for a while",
    async () => {
      const disk = temporaryDirectory("full");
      expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=320m,mode=711", "tmpfs", disk]).status).toBe(0);
      try {
        await using arena = await openArena({ dataDir: join(disk, "data") });
        await arena.survive("disk full", 2, async () => {
          const filler = join(disk, "filler");
          fill(filler, disk);
          const endMs = performance.now() + 3_000;
          // What is freed meanwhile is taken again.
          for (let serial = 0; performance.now() < endMs; serial += 1) {
            await Bun.sleep(100);
            fill(`${filler}-${serial}`, disk);
          }
          for (const name of new Bun.Glob("filler*").scanSync(disk)) rmSync(join(disk, name));
          return arena.untilServing();
        });
      } finally {
        spawnSync("umount", ["-l", disk]);
        rmSync(disk, { recursive: true, force: true });
      }
    },
    limitOf(2),
  );
});

/** All the room there is but less than a page of PostgreSQL's. */
function fill(path: string, disk: string): void {
  const { bavail, bsize } = statfsSync(disk);
  const bytes = bavail * bsize;
  if (bytes < 8_192) return;
  try {
    writeFileSync(path, Buffer.alloc(bytes));
  } catch {
    // Somebody else took some of it first; the next round looks again.
  }
}
