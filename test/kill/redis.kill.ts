// Redis killed, frozen and half open under load: work goes to PostgreSQL meanwhile, and nothing acknowledged is lost.
import { describe, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { limitOf, openArena } from "../support/arena.ts";
import { openHalfOpenWay } from "../support/half-open.ts";
import { temporaryDirectory } from "../support/run.ts";
import { hasRedis, startRedis } from "../support/redis.ts";

describe.skipIf(!hasRedis)("nothing acknowledged is lost or doubled", () => {
  for (const fsync of ["everysec", "always"]) {
    test(
      `when Redis with appendfsync ${fsync} is killed and comes back`,
      async () => {
        await using redis = await startRedis([`appendfsync ${fsync}`]);
        await using arena = await openArena({ env: { REDIS_URL: redis.url } });
        await arena.survive(`Redis killed, appendfsync ${fsync}`, 3, async (random) => {
          await redis.kill();
          await Bun.sleep(100 + random.int(600));
          await redis.start();
          return arena.untilServing();
        });
      },
      limitOf(3),
    );
  }

  test(
    "when Redis is frozen for seconds, and then goes on",
    async () => {
      await using redis = await startRedis();
      await using arena = await openArena({ env: { REDIS_URL: redis.url } });
      await arena.survive("Redis frozen 3 s", 1, async () => {
        redis.freeze();
        await Bun.sleep(3_000);
        redis.thaw();
        return arena.untilServing();
      });
    },
    limitOf(1),
  );

  test(
    "when the way to Redis is half open: connections stay, and nothing comes through",
    async () => {
      await using redis = await startRedis();
      const directory = temporaryDirectory("half-open");
      const path = join(directory, "redis.sock");
      await using way = await openHalfOpenWay(path, redis.url.slice("unix://".length));
      await using arena = await openArena({ env: { REDIS_URL: `unix://${path}` } });
      await arena.survive("Redis half open 3 s", 1, async () => {
        way.swallow();
        await Bun.sleep(3_000);
        way.heal();
        return arena.untilServing();
      });
      rmSync(directory, { recursive: true, force: true });
    },
    limitOf(1),
  );

  test(
    "when Redis, worker and gateway of several processes are killed in turn",
    async () => {
      await using redis = await startRedis();
      await using arena = await openArena({ env: { REDIS_URL: redis.url, PROCESSES: "2" } });
      let turn = 0;
      await arena.survive("Redis, worker, gateway killed in turn, PROCESSES=2", 3, async () => {
        turn += 1;
        if (turn % 3 === 1) {
          await redis.kill();
          await Bun.sleep(300);
          await redis.start();
        } else if (turn % 3 === 2) for (const pid of await arena.pidsOf("worker")) process.kill(pid, "SIGKILL");
        else await arena.killGateway();
        return arena.untilServing();
      });
    },
    limitOf(3),
  );
});
