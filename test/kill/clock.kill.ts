// The machine's clock jumps by an hour, ahead and back, under load: nothing is lost, doubled or held up, and nobody is called silent.
import { describe, expect, test } from "bun:test";
import { openTestApp } from "../support/app.ts";
import { seeded } from "../support/random.ts";
import { noAcknowledgements } from "../support/load.ts";
import { findFaults } from "../support/verify.ts";

const HOUR_MS = 3_600_000;
const ROUNDS = Number(process.env["KILL_ROUNDS"] ?? 12);

describe("nothing acknowledged is lost or doubled", () => {
  test("when the clock jumps by an hour, ahead and back", async () => {
    await using muster = await openTestApp({ INVENTORY_RATE_PER_MINUTE: "100000" });
    const random = seeded(Number(process.env["KILL_SEED"] ?? 1));
    const acknowledged = noAcknowledgements();
    const systems = await Promise.all(Array.from({ length: 6 }, (_, index) => muster.addSystem(`Clock ${index}`)));
    let serial = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { system_key, authorization } of systems) {
        const beat = await muster.request("POST", "/api/systems/heartbeat", { authorization });
        expect(beat.status).toBe(200);
        const at = Date.parse(String(beat.body.data["last_heartbeat"]));
        acknowledged.beats.set(system_key, Math.max(acknowledged.beats.get(system_key) ?? 0, at));
        const body = JSON.stringify({ facts: { serial: (serial += 1), version: random.int(3) } });
        expect((await muster.request("POST", "/api/systems/inventory", { authorization, body })).status).toBe(200);
        acknowledged.inventories.set(system_key, [...(acknowledged.inventories.get(system_key) ?? []), serial]);
      }
      await muster.clock.advance(random.pick([-HOUR_MS, HOUR_MS, 1_000]));
      // Half of the time the jump comes between the answer and the work.
      if (random.int(2) === 0) await muster.app.runner.drain();
    }
    await muster.app.runner.drain();
    const waiting = Object.values(await muster.app.queue.counts()).map(({ pending, delayed }) => pending + delayed);
    expect(waiting.reduce((sum, count) => sum + count, 0)).toBe(0);
    expect(await findFaults(muster.database, acknowledged)).toEqual([]);
  }, 60_000);
});
