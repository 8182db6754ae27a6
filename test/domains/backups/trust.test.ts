// What keeps backups trustworthy: verification, the sweep both ways, removals that take several tries, kills.
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { randomUUIDv7 } from "bun";
import { dirname, join } from "node:path";
import { OWNER } from "../../support/actor.ts";
import type { TestApp } from "../../support/app.ts";
import { get, list, openStoringApp, put, remove, usage } from "./fixture.ts";
import type { Storing } from "./fixture.ts";
import { LEAST_BYTES_PER_SECOND } from "../../../src/values/pace.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function run(app: TestApp, schedule: string) {
  await app.app.scheduler.tick(schedule, app.clock.now());
  await app.app.runner.drain();
}

const openAlerts = async (app: TestApp) =>
  (
    await app.admin<{ alerts: { cause: string; backup_id: string; message: string }[] }>(
      "GET",
      "/api/admin/backups/alerts",
    )
  ).body.data.alerts;

function flipBit(path: string, at: number) {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

describe("verification", () => {
  test("finds a flipped bit, says so with the backup, and deletes nothing", async () => {
    await using app = await openStoringApp();
    const system = await app.addSystem();
    const { id } = (await put(app, system, "x".repeat(1000))).body.data;
    const [file = ""] = app.files();
    flipBit(file, 500);
    await app.clock.advance(30 * DAY_MS);
    await run(app, "backup-verify");
    expect((await list(app, system))[0]).toMatchObject({ id, state: "damaged", verified_at: null });
    expect(await openAlerts(app)).toMatchObject([{ cause: "damaged", message: expect.stringContaining("SHA-256") }]);
    expect(app.files()).toEqual([file]);
    expect((await get(app, system, id)).status).toBe(200);

    flipBit(file, 500);
    const { body } = await app.admin("POST", `/api/admin/backups/${id}/verify`);
    expect(body.data).toMatchObject({ state: "kept", finding: null });
    expect(await openAlerts(app)).toEqual([]);
    expect((await list(app, system))[0]).toMatchObject({ state: "kept", verified_at: "2026-01-31T00:00:00.000Z" });
  }, 60_000);

  test.each([
    ["shorter", (path: string) => writeFileSync(path, "x".repeat(999)), "damaged", "999 bytes instead of 1000"],
    ["longer", (path: string) => writeFileSync(path, "x".repeat(1001)), "damaged", "1001 bytes"],
    ["gone", (path: string) => rmSync(path), "lost", "not in the store"],
  ] as const)(
    "finds an object that is %s",
    async (_, harm, state, words) => {
      await using app = await openStoringApp();
      const system = await app.addSystem();
      const { id } = (await put(app, system, "x".repeat(1000))).body.data;
      harm(app.files()[0] ?? "");
      const { body } = await app.admin<{ finding: string }>("POST", `/api/admin/backups/${id}/verify`);
      expect(body.data).toMatchObject({ state, finding: expect.stringContaining(words) });
      expect(await openAlerts(app)).toMatchObject([{ cause: state }]);
    },
    60_000,
  );

  test("has had everything within BACKUP_VERIFY_DAYS, a share each night", async () => {
    await using app = await openStoringApp({ BACKUP_VERIFY_DAYS: "5", BACKUP_MAX_PER_SYSTEM: "100" });
    const system = await app.addSystem();
    for (let count = 0; count < 23; count += 1) await put(app, system, `backup ${count}`);
    const counts: number[] = [];
    for (let night = 0; night < 5; night += 1) {
      await app.clock.advance(DAY_MS);
      await run(app, "backup-verify");
      counts.push((await list(app, system)).filter((one) => one.verified_at !== null).length);
    }
    expect(counts).toEqual([5, 10, 15, 20, 23]);
    const oldest = Math.min(...(await list(app, system)).map((one) => Date.parse(one.verified_at ?? "")));
    await app.clock.advance(DAY_MS);
    await run(app, "backup-verify");
    expect(app.clock.now().getTime() - oldest).toBeLessThanOrEqual(5 * DAY_MS);
  }, 60_000);

  test("makes up for nights that were missed", async () => {
    await using app = await openStoringApp({ BACKUP_VERIFY_DAYS: "10" });
    const system = await app.addSystem();
    for (let count = 0; count < 9; count += 1) await put(app, system, `backup ${count}`);
    await app.clock.advance(20 * DAY_MS);
    await run(app, "backup-verify");
    expect((await list(app, system)).every((one) => one.verified_at !== null)).toBe(true);
  }, 60_000);
});

describe("the sweep", () => {
  /** As if an upload had put its object and nothing else. */
  const plant = (app: Storing, bornAt: Date, key = `default/NOC-X/${randomUUIDv7("hex", bornAt.getTime())}.gpg`) => {
    const path = join(app.directory, "objects", key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "orphan");
    return path;
  };

  test("removes an object without a row after an hour, and leaves what is not ours", async () => {
    await using app = await openStoringApp();
    const system = await app.addSystem();
    await put(app, system, "kept");
    await run(app, "backup-sweep");
    const [kept = ""] = app.files();
    const orphan = plant(app, app.clock.now());
    const foreign = plant(app, app.clock.now(), "somebody/elses.txt");
    const before = plant(app, new Date("2025-06-01"));
    await app.clock.advance(HOUR_MS / 2);
    await run(app, "backup-sweep");
    expect(app.files().sort()).toEqual([kept, orphan, foreign, before].sort());
    await app.clock.advance(HOUR_MS);
    await run(app, "backup-sweep");
    expect(app.files().sort()).toEqual([kept, foreign, before].sort());
    expect((await list(app, system))[0]?.state).toBe("kept");
  }, 60_000);

  test("removes nothing when too many objects have no row, and says so until somebody decides", async () => {
    await using app = await openStoringApp();
    await run(app, "backup-sweep");
    const orphans = Array.from({ length: 4 }, () => plant(app, app.clock.now()));
    await app.clock.advance(2 * HOUR_MS);
    await run(app, "backup-sweep");
    expect(app.files().sort()).toEqual(orphans.sort());
    const ready = await (await app.app.handleOperations(new Request("http://localhost/ready"))).json();
    expect(ready).toMatchObject({
      data: {
        status: "degraded",
        checks: { "backup storage": { status: "degraded", reason: expect.stringContaining("4 objects") } },
      },
    });
    const swept = await app.app.api.backups.sweep(OWNER, { force: true });
    expect([swept.removed, swept.orphans.length, app.files()]).toEqual([true, 4, []]);
  }, 60_000);

  test("marks rows without objects lost, deletes none, and takes it back when the object returns", async () => {
    await using app = await openStoringApp();
    const system = await app.addSystem();
    for (const text of ["one", "two", "three"]) {
      await put(app, system, text);
      await app.clock.advance(1000);
    }
    const [first = "", ...others] = app.files().sort();
    const bytes = readFileSync(first);
    rmSync(first);
    await run(app, "backup-sweep");
    expect((await list(app, system)).map((one) => one.state)).toEqual(["kept", "kept", "kept"]);
    await app.clock.advance(2 * HOUR_MS);
    await run(app, "backup-sweep");
    expect((await list(app, system)).map((one) => one.state)).toEqual(["kept", "kept", "lost"]);
    expect(await openAlerts(app)).toMatchObject([{ cause: "lost" }]);
    expect(app.files().sort()).toEqual(others);
    writeFileSync(first, bytes);
    const { id } = (await list(app, system))[2] ?? { id: "" };
    await app.admin("POST", `/api/admin/backups/${id}/verify`);
    expect(await openAlerts(app)).toEqual([]);
  }, 60_000);
});

describe("what a killed gateway leaves", () => {
  /** The journal says that an upload began; whoever took it is gone. */
  const begin = async (app: TestApp & Storing, systemId: string, withObject: boolean) => {
    const id = randomUUIDv7("hex", app.clock.now().getTime());
    const key = `default/NOC-X/${id}.gpg`;
    await app.database.query(
      `insert into backup_uploads (id, system_id, organization_id, object_key, size, started_at, renewed_at)
       values ($1, $2, 'default', $3, 700, $4, $4)`,
      [id, systemId, key, app.clock.now()],
    );
    if (!withObject) return;
    mkdirSync(join(app.directory, "objects/default/NOC-X"), { recursive: true });
    writeFileSync(join(app.directory, "objects", key), "half an upload");
  };

  test.each([true, false])(
    "goes, and its quota comes back (object stored: %p)",
    async (withObject) => {
      await using app = await openStoringApp();
      const system = await app.addSystem();
      await begin(app, system.system_id, withObject);
      expect(await usage(app)).toBe(700);
      await run(app, "backup-tidy");
      expect(await usage(app)).toBe(700);
      await app.clock.advance(11 * 60_000);
      await run(app, "backup-tidy");
      expect(await usage(app)).toBe(0);
      expect(app.files()).toEqual([]);
    },
    60_000,
  );

  test("an upload that only is slow is not given up", async () => {
    await using app = await openStoringApp();
    const system = await app.addSystem();
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    // Hardly more than the least rate, for forty minutes.
    const stepBytes = 20 * (LEAST_BYTES_PER_SECOND + 1);
    const slow = app.request("POST", "/api/systems/backups", {
      authorization: system.authorization,
      headers: { "content-length": String(120 * stepBytes) },
      body: new ReadableStream({ start: (given) => void (controller = given) }),
    });
    while ((await usage(app)) === 0 || !controller) await Bun.sleep(5);
    for (let step = 0; step < 120; step += 1) {
      controller.enqueue(new Uint8Array(stepBytes));
      await Bun.sleep(1);
      await app.clock.advance(20_000);
      if (step % 30 === 29) {
        await Bun.sleep(20);
        await run(app, "backup-tidy");
      }
    }
    controller.close();
    expect((await slow).status).toBe(201);
  }, 60_000);
});

test("an object that cannot be removed is tried again, later and later, and does not come back as a backup", async () => {
  await using app = await openStoringApp();
  const system = await app.addSystem();
  const { id } = (await put(app, system, "x")).body.data;
  const [file = ""] = app.files();
  rmSync(file);
  mkdirSync(join(file, "in-the-way"), { recursive: true });
  expect((await remove(app, system, id)).status).toBe(200);
  expect(await list(app, system)).toEqual([]);
  for (let tries = 0; tries < 3; tries += 1) {
    await app.clock.advance(HOUR_MS);
    await run(app, "backup-tidy");
  }
  const ready = await (await app.app.handleOperations(new Request("http://localhost/ready"))).json();
  expect(ready).toMatchObject({ data: { status: "degraded" } });
  rmSync(file, { recursive: true });
  await app.clock.advance(DAY_MS);
  await run(app, "backup-tidy");
  expect(await app.database.query("select * from backup_removals")).toEqual([]);
});

test("metrics tell how many backups there are, in which state, and what is wrong", async () => {
  await using app = await openStoringApp();
  const system = await app.addSystem();
  await put(app, system, "12345");
  const metrics = await (await app.app.handleOperations(new Request("http://localhost/metrics"))).text();
  expect(metrics).toContain('muster_backups{state="kept"} 1');
  expect(metrics).toContain("muster_backup_bytes 5");
});
