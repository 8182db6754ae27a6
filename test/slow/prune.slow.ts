// Prunes long and random histories: nothing that people read of them changes by it.
import { afterAll, expect, test } from "bun:test";
import { OWNER } from "../support/actor.ts";
import { openTestApp } from "../support/app.ts";
import { DAY_MS, HOUR_MS, document, openHistories, stage, total } from "../support/histories.ts";
import type { Step } from "../support/histories.ts";
import { isTrue, readHistory } from "../support/history.ts";
import { seeded } from "../support/random.ts";

const DAYS = 400;

const muster = await openTestApp();
await muster.clock.advance(DAYS * DAY_MS);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);
const { dataText, base, historyOf, now, received, takeAll, addHistory } = openHistories(muster);

test("a history of 400 days is thinned, and its timeline, changes and chain stay what they were", async () => {
  const steps: Step[] = [];
  for (let step = 0; step < DAYS; step += 1) {
    steps.push({ days: DAYS - step, document: document(step) });
    if (step > DAYS - 50) steps.push({ days: DAYS - step - 0.5, document: document(step + 1000) });
  }
  const { system } = await addHistory(steps);
  const readAll = async () => ({
    changes: (await readHistory(dataText, system.system_key)).changes,
    timeline: await dataText(`${base(system)}/timeline?limit=366`),
    latest: await dataText(`${base(system)}/latest`),
  });
  const before = await readAll();
  expect(await historyOf(system)).toHaveLength(steps.length);

  const planned = await muster.app.api.inventory.prune(OWNER, { dryRun: true });
  expect(await historyOf(system)).toHaveLength(steps.length);
  const pruned = await muster.app.api.inventory.prune(OWNER, { dryRun: false });
  expect(pruned).toEqual({ ...planned, dry_run: false });
  expect(total(pruned, "deleted")).toBeGreaterThan(350);
  expect(stage(pruned, "all")).toMatchObject({ deleted: 0, bytes_freed: 0, kept: 14 });
  expect(total(pruned, "bytes_freed")).toBeGreaterThan(total(pruned, "deleted") * 100);
  const left = await historyOf(system);
  expect(left).toHaveLength(total(pruned, "kept"));

  expect(await readAll()).toEqual(before);
  expect(isTrue(await readHistory(dataText, system.system_key))).toBe(true);
  const again = await muster.app.api.inventory.prune(OWNER, { dryRun: false });
  expect(total(again, "deleted")).toBe(0);
  expect(await historyOf(system)).toEqual(left);
  await muster.app.api.systems.erase(OWNER, system.system_key);
}, 180_000);

test("late records are right in eight random histories, taken side by side, with pruning in between", async () => {
  const histories = await Promise.all(
    [1, 2, 3, 4, 5, 6, 7, 8].map(async (seed) => ({ random: seeded(seed), system: await muster.addSystem() })),
  );
  const start = now() - 150 * DAY_MS;
  const pushesOf = ({ random, system }: (typeof histories)[number]) => {
    const pushes: { payload: string }[] = [];
    for (let step = 0; step < 8; step += 1) {
      const facts = {
        n: random.int(4),
        list: Array.from({ length: random.int(4) }, () => ({ id: `m${random.int(5)}`, v: random.int(3) })),
      };
      pushes.push(received(system, { facts }, start + random.int(100) * 5 * HOUR_MS));
      if (random.int(6) === 0) pushes.push(random.pick(pushes));
    }
    return pushes;
  };
  for (let round = 0; round < 8; round += 1) {
    await takeAll(histories.map((one) => ({ system: one.system, pushes: pushesOf(one) })));
    await muster.app.api.inventory.prune(OWNER, { dryRun: false });
    const isTrueBySeed = histories.map(async ({ system }) => isTrue(await readHistory(dataText, system.system_key)));
    expect(await Promise.all(isTrueBySeed)).toEqual(histories.map(() => true));
  }
  expect(await muster.app.queue.list("collect:inventory", "dead", 1)).toEqual([]);
  expect(await muster.app.queue.list("collect:processing", "dead", 1)).toEqual([]);
}, 240_000);
