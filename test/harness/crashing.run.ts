// Ends its worker: run by tier.test.ts.
import { test } from "bun:test";

test("ends the worker", async () => {
  process.kill(process.pid, "SIGKILL");
  await Bun.sleep(60_000);
});
