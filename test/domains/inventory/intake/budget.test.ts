// How much history a system and an organization add in a day, and what gets through when that is used up.
import { describe, expect, test } from "bun:test";
import { openTestApp } from "../../../support/app.ts";
import type { TestApp, TestSystem } from "../../../support/app.ts";

const LARGE = 600_000;
const HOUR_MS = 3_600_000;

const post = async (muster: TestApp, { authorization }: TestSystem, body: string) => {
  const answer = await muster.request("POST", "/api/systems/inventory", { authorization, body });
  await muster.clock.advance(1_000);
  await muster.app.runner.drain();
  return answer;
};
const normal = (version: number) => JSON.stringify({ fqdn: "box.example.org", os: { version: `9.${version}` } });

/** Few places, so that comparing and keeping them takes little; large ones, nothing in them as before. */
const allNew = (bytes: number, round: number) =>
  JSON.stringify(
    Object.fromEntries(
      Array.from({ length: 100 }, (_, at) => [`k${round}-${at}`, `${round}`.padEnd(bytes / 100, "x")]),
    ),
  );

/** Large documents, nothing in them as before, until one is refused. */
async function fill(muster: TestApp, system: TestSystem): Promise<number> {
  for (let round = 1; round < 20; round += 1)
    if ((await post(muster, system, allNew(LARGE, round))).status === 429) return round - 1;
  throw new Error("nothing was refused");
}

describe("a system that has added its day's history", () => {
  test("is refused large documents in a clear sentence, still beats, and is heard with normal ones, four an hour", async () => {
    await using muster = await openTestApp({ INVENTORY_PER_SYSTEM: "4MB" });
    const system = await muster.addSystem();
    const taken = await fill(muster, system);
    expect(taken).toBeGreaterThan(1);
    expect(taken).toBeLessThan(7);
    const refused = await post(muster, system, allNew(LARGE, 99));
    expect(refused.status).toBe(429);
    expect(refused.body.message).toBe(
      "this system may add 4 MB of inventory history a day; until midnight (UTC) only 4 inventories an hour of up to 256 KB are taken",
    );
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(5);
    const { authorization } = system;
    expect((await muster.request("POST", "/api/systems/heartbeat", { authorization })).status).toBe(200);
    await muster.database.query("update inventory_budgets set bytes = bytes + 4000000");
    const answers: number[] = [];
    for (let version = 0; version < 5; version += 1) answers.push((await post(muster, system, normal(version))).status);
    expect(answers).toEqual([200, 200, 200, 200, 429]);
    await muster.clock.advance(HOUR_MS);
    expect((await post(muster, system, normal(5))).status).toBe(200);
    // The same document again is no history.
    expect((await post(muster, system, normal(5))).status).toBe(200);
    await muster.clock.advance(24 * HOUR_MS);
    expect((await post(muster, system, allNew(LARGE, 100))).status).toBe(200);
  }, 240_000);

  test("shares its organization's with the others there, and with nobody else", async () => {
    await using muster = await openTestApp({ INVENTORY_PER_ORGANIZATION: "4MB" });
    const greedy = await muster.addSystem("greedy", { organization: "one" });
    const sibling = await muster.addSystem("sibling", { organization: "one" });
    const stranger = await muster.addSystem("stranger", { organization: "other" });
    await fill(muster, greedy);
    const refused = await post(muster, sibling, allNew(LARGE, 1));
    expect([refused.status, refused.body.message]).toEqual([
      429,
      expect.stringContaining("the systems of this organization may add 4 MB"),
    ]);
    expect((await post(muster, sibling, normal(1))).status).toBe(200);
    expect((await post(muster, stranger, allNew(LARGE, 1))).status).toBe(200);
  }, 240_000);
});

test("what days of before added is forgotten with the night's pruning", async () => {
  await using muster = await openTestApp();
  const system = await muster.addSystem();
  await post(muster, system, normal(1));
  await post(muster, system, normal(2));
  const days = () =>
    muster.database.query<{ bytes: number }>("select bytes from inventory_budgets where owner = $1", [
      system.system_id,
    ]);
  expect(await days()).toEqual([{ bytes: normal(2).length + 10 }]);
  await muster.clock.advance(24 * HOUR_MS);
  await muster.app.scheduler.tick("inventory-prune", muster.clock.now());
  await muster.app.runner.drain();
  expect(await days()).toEqual([]);
}, 240_000);
