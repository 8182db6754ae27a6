// Gateway and worker killed at random points under load: whatever was acknowledged is there afterwards, once, and compared.
import { describe, test } from "bun:test";
import { limitOf, openArena } from "../support/arena.ts";

describe("nothing acknowledged is lost or doubled", () => {
  test(
    "when the gateway is killed ten times at random points",
    async () => {
      await using arena = await openArena();
      await arena.survive("gateway killed", 10, async () => {
        await arena.killGateway();
        return arena.untilServing();
      });
    },
    limitOf(10),
  );

  test(
    "when the worker process of several is killed",
    async () => {
      await using arena = await openArena({ env: { PROCESSES: "2" } });
      await arena.survive("worker killed, PROCESSES=2", 3, async () => {
        for (const pid of await arena.pidsOf("worker")) process.kill(pid, "SIGKILL");
      });
    },
    limitOf(3),
  );

  test(
    "when one of two HTTP processes is killed, and the other goes on",
    async () => {
      await using arena = await openArena({ env: { PROCESSES: "2" } });
      await arena.survive("HTTP process killed, PROCESSES=2", 3, async (random) => {
        process.kill(random.pick(await arena.pidsOf("http")), "SIGKILL");
        return arena.untilServing();
      });
    },
    limitOf(3),
  );
});
