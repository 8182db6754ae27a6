// Which backups go: the decision as a table, and the same through uploads.
import { describe, expect, test } from "bun:test";
import { planRetention } from "../../../src/domains/backups/upload/retention.ts";
import type { Kept } from "../../../src/domains/backups/store.ts";

import { seeded } from "../../support/random.ts";
import { get, list, openStoringApp, put, remove, usage } from "./fixture.ts";

const DAY_MS = 86_400_000;
const NOW = new Date("2026-01-31T00:00:00Z");
const LIMITS = { maxPerSystem: 3, maxBytesPerSystem: 100 };

const kept = (ageDays: number, size = 10, more: Partial<Kept> = {}): Kept => ({
  id: `day-${String(100 - ageDays).padStart(3, "0")}`,
  size,
  uploadedAt: new Date(NOW.getTime() - ageDays * DAY_MS),
  pinned: false,
  lockedUntil: null,
  ...more,
});
const expired = (all: Kept[], size = 10) =>
  planRetention(all, { size }, LIMITS, NOW).expired.map((one) => (NOW.getTime() - one.uploadedAt.getTime()) / DAY_MS);

describe("what goes when a backup comes", () => {
  test("nothing while all fit", () => expect(expired([kept(2), kept(1)])).toEqual([]));
  test("the oldest, when there are too many", () => expect(expired([kept(1), kept(3), kept(2)])).toEqual([3]));
  test("as many of the oldest as make room for the bytes", () =>
    expect(expired([kept(3, 40), kept(2, 40)], 90)).toEqual([3, 2]));
  test("never a pinned one", () => expect(expired([kept(3, 10, { pinned: true }), kept(2), kept(1)])).toEqual([2]));
  test("never one that is locked, and one whose lock is over", () => {
    const locked = { lockedUntil: new Date(NOW.getTime() + 1) };
    const over = { lockedUntil: NOW };
    expect(expired([kept(4, 10, locked), kept(3, 10, over), kept(2)])).toEqual([3]);
  });
  test("nothing at all when all others are pinned, though it is too much", () => {
    const plan = planRetention(
      [kept(2, 60, { pinned: true }), kept(1, 30, { pinned: true })],
      { size: 50 },
      LIMITS,
      NOW,
    );
    expect(plan).toEqual({ expired: [], bytesAfter: 140 });
  });

  test("of random sets, only what must go, oldest first", () => {
    const random = seeded(5);
    for (let round = 0; round < 500; round += 1) {
      const all = Array.from({ length: random.int(8) }, (_, index) =>
        kept(index + 1, 1 + random.int(60), { pinned: random.int(4) === 0 }),
      );
      const incoming = { size: 1 + random.int(100) };
      const plan = planRetention(all, incoming, LIMITS, NOW);
      expect(plan.expired.some((one) => one.pinned)).toBe(false);
      const left = all.filter((one) => !plan.expired.includes(one));
      expect(left.reduce((sum, one) => sum + one.size, incoming.size)).toBe(plan.bytesAfter);
      const newestGone = Math.max(0, ...plan.expired.map((one) => one.uploadedAt.getTime()));
      expect(left.every((one) => one.pinned || one.uploadedAt.getTime() > newestGone)).toBe(true);
      const last = plan.expired.at(-1);
      if (last) expect(left.length + 2 > 3 || plan.bytesAfter + last.size > 100).toBe(true);
      if (left.every((one) => !one.pinned)) expect(left.length + 1 <= 3 && plan.bytesAfter <= 100).toBe(true);
    }
  });
});

describe("through uploads", () => {
  test("the oldest are deleted with their objects, and the newest stays", async () => {
    await using app = await openStoringApp({ BACKUP_MAX_PER_SYSTEM: "3" });
    const system = await app.addSystem();
    const ids: string[] = [];
    for (let day = 0; day < 5; day += 1) {
      ids.push((await put(app, system, `backup ${day}`)).body.data.id);
      await app.clock.advance(DAY_MS);
    }
    expect((await list(app, system)).map((one) => one.id)).toEqual(ids.slice(2).reverse());
    await app.app.runner.drain();
    expect(app.files()).toHaveLength(3);
    expect(await usage(app)).toBe(24);
  }, 60_000);

  test("one backup as large as the whole quota pushes all others out and is kept itself", async () => {
    await using app = await openStoringApp({ BACKUP_MAX_SIZE_PER_SYSTEM: "100" });
    const system = await app.addSystem();
    for (let count = 0; count < 3; count += 1) await put(app, system, "x".repeat(30));
    const large = await put(app, system, "y".repeat(100));
    expect(large.status).toBe(201);
    expect((await list(app, system)).map((one) => one.id)).toEqual([large.body.data.id]);
    expect((await put(app, system, "z".repeat(101))).status).toBe(413);
    expect((await list(app, system)).map((one) => one.id)).toEqual([large.body.data.id]);
  }, 60_000);

  test("a pinned backup is kept, cannot be deleted, and leaves that much less room", async () => {
    await using app = await openStoringApp({ BACKUP_MAX_PER_SYSTEM: "2", BACKUP_MAX_SIZE_PER_SYSTEM: "100" });
    const system = await app.addSystem();
    const first = (await put(app, system, "x".repeat(60))).body.data.id;
    expect((await app.admin("POST", `/api/admin/backups/${first}/pin`)).body.data["pinned"]).toBe(true);
    for (let count = 0; count < 4; count += 1) {
      await app.clock.advance(1000);
      expect((await put(app, system, "y".repeat(20))).status).toBe(201);
    }
    const ids = (await list(app, system)).map((one) => one.id);
    expect(ids).toContain(first);
    expect(ids).toHaveLength(2);
    expect(await put(app, system, "z".repeat(41))).toMatchObject({
      status: 413,
      body: { message: "backup quota of this system exceeded" },
    });
    expect((await remove(app, system, first)).status).toBe(409);
    expect((await app.admin("DELETE", `/api/admin/backups/${first}`)).status).toBe(409);
    await app.admin("POST", `/api/admin/backups/${first}/unpin`);
    expect((await remove(app, system, first)).status).toBe(200);
  }, 60_000);

  test("BACKUP_LOCK_DAYS: nobody deletes a backup before, and retention does not", async () => {
    await using app = await openStoringApp({ BACKUP_LOCK_DAYS: "7", BACKUP_MAX_PER_SYSTEM: "1" });
    const system = await app.addSystem();
    const first = (await put(app, system, "one")).body.data.id;
    await app.clock.advance(1000);
    const second = (await put(app, system, "two")).body.data.id;
    expect(await remove(app, system, first)).toMatchObject({
      status: 409,
      body: { data: { locked_until: "2026-01-08T00:00:00.000Z" } },
    });
    expect((await app.admin("DELETE", `/api/admin/backups/${first}`)).status).toBe(409);
    expect((await list(app, system)).map((one) => one.id)).toEqual([second, first]);
    expect((await list(app, system))[1]?.locked_until).toBe("2026-01-08T00:00:00.000Z");
    await app.clock.advance(7 * DAY_MS);
    const third = (await put(app, system, "three")).body.data.id;
    expect((await list(app, system)).map((one) => one.id)).toEqual([third]);
    expect((await get(app, system, first)).status).toBe(404);
  }, 60_000);
});
