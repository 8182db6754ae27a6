// Storage in trouble: an S3 that fails in every way, a disk that is full. Answers in words, and nothing left behind.
import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTestApp } from "../../support/app.ts";
import { temporaryDirectory } from "../../support/run.ts";
import { openFaultyS3 } from "../../support/s3-faults.ts";
import type { Fault } from "../../support/s3-faults.ts";
import { openStoringApp, get, list, put, traces, usage, NOTHING } from "./fixture.ts";

const SMALL = 1000;
const LARGE = 6 * 1024 ** 2;

async function openFaulty() {
  const s3 = openFaultyS3();
  const directory = temporaryDirectory("faults");
  const app = await openTestApp({
    DATA_DIR: directory,
    S3_ENDPOINT: s3.endpoint,
    S3_ACCESS_KEY: "key",
    S3_SECRET_KEY: "secret",
    BACKUP_S3_BUCKET: "bucket",
    BACKUP_S3_USE_PATH_STYLE: "true",
    BACKUP_RATE_LIMIT_PER_MINUTE: "0",
    BACKUP_RATE_LIMIT_PER_HOUR: "0",
  });
  const system = await app.addSystem();
  return {
    s3,
    app,
    system,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      s3[Symbol.dispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const bytes = (size: number) => new Uint8Array(size);

describe("an S3 that", () => {
  test.each([
    ["500", SMALL, 502],
    ["500", LARGE, 502],
    ["503", SMALL, 503],
    ["503", LARGE, 503],
    ["close", SMALL, 503],
    ["close", LARGE, 503],
    ["refuse-second", LARGE, 502],
  ] satisfies [Fault, number, number][])(
    "fails by %s at an upload of %d bytes is answered with %d",
    async (fault, size, status) => {
      await using one = await openFaulty();
      one.s3.fault = fault;
      const answer = await put(one.app, one.system, bytes(size));
      expect(answer.status).toBe(status);
      expect(answer.body.message).toMatch(/backup storage (failed|unavailable)/);
      expect(answer.text).not.toContain("told to");
      expect(await list(one.app, one.system)).toEqual([]);
      expect(one.s3.objects.size).toBe(0);
      if (fault !== "close") {
        one.s3.fault = "none";
        await one.app.clock.advance(11 * 60_000);
        await one.app.app.scheduler.tick("backup-tidy", one.app.clock.now());
        await one.app.app.runner.drain();
        expect(await usage(one.app)).toBe(0);
      }
    },
    60_000,
  );

  test.each([SMALL, LARGE])(
    "hangs is given up by the clock (%d bytes)",
    async (size) => {
      await using one = await openFaulty();
      await put(one.app, one.system, bytes(10));
      one.s3.fault = "hang";
      const before = one.s3.requests.length;
      const hanging = put(one.app, one.system, bytes(size));
      let answered = false;
      void hanging.then(() => (answered = true));
      while (one.s3.requests.length === before) await Bun.sleep(5);
      await Bun.sleep(50);
      // The put, and then the removal of what it may have left.
      for (let step = 0; step < 20 && !answered; step += 1) {
        await one.app.clock.advance(10_000);
        await Bun.sleep(20);
      }
      expect(await hanging).toMatchObject({ status: 503, body: { message: "backup storage unavailable" } });
      expect(await list(one.app, one.system)).toHaveLength(1);
    },
    60_000,
  );

  test.each([SMALL, LARGE])(
    "closes in the middle of a download gives an error, never a short file (%d bytes)",
    async (size) => {
      await using one = await openFaulty();
      const { id } = (await put(one.app, one.system, bytes(size))).body.data;
      const whole = await get(one.app, one.system, id);
      expect([whole.status, whole.headers.get("content-length"), (await whole.bytes()).byteLength]).toEqual([
        200,
        String(size),
        size,
      ]);
      one.s3.fault = "close";
      expect((await get(one.app, one.system, id)).status).toBe(502);
      one.s3.fault = "500";
      expect((await get(one.app, one.system, id)).status).toBe(502);
      expect((await list(one.app, one.system))[0]?.state).toBe("kept");
    },
    60_000,
  );

  test("is away says nothing about its backups: none is lost, and verification waits", async () => {
    await using one = await openFaulty();
    const { id } = (await put(one.app, one.system, bytes(SMALL))).body.data;
    one.s3.fault = "503";
    expect((await one.app.admin("POST", `/api/admin/backups/${id}/verify`)).status).toBe(503);
    await one.app.clock.advance(86_400_000);
    await one.app.app.scheduler.tick("backup-sweep", one.app.clock.now());
    await one.app.app.runner.drain();
    expect((await list(one.app, one.system))[0]?.state).toBe("kept");
    const ready = await (await one.app.app.handleOperations(new Request("http://localhost/ready"))).json();
    expect(ready).toMatchObject({ data: { status: "unready", checks: { "backup storage": { status: "failed" } } } });
  }, 60_000);

  test("fails at a deletion does not keep the system from deleting", async () => {
    await using one = await openFaulty();
    const { id } = (await put(one.app, one.system, bytes(SMALL))).body.data;
    one.s3.fault = "500";
    const answer = await one.app.request("DELETE", `/api/systems/backups/${id}`, {
      authorization: one.system.authorization,
    });
    expect(answer.status).toBe(200);
    await one.app.app.runner.drain();
    expect(one.s3.objects.size).toBe(1);
    one.s3.fault = "none";
    await one.app.clock.advance(3_600_000);
    await one.app.app.scheduler.tick("backup-tidy", one.app.clock.now());
    await one.app.app.runner.drain();
    expect(one.s3.objects.size).toBe(0);
  }, 60_000);
});

describe("a disk that is full", () => {
  const MOUNTED_BYTES = 8 * 1024 ** 2;

  /** A file system of a few megabytes, where mounting one is permitted; said plainly where it is not. */
  function mountSmallDisk(): { directory: string; unmount(): void } | undefined {
    const directory = temporaryDirectory("small-disk");
    const { exitCode, stderr } = Bun.spawnSync([
      "mount",
      "-t",
      "tmpfs",
      "-o",
      `size=${MOUNTED_BYTES}`,
      "tmpfs",
      directory,
    ]);
    if (exitCode === 0) {
      return {
        directory,
        unmount() {
          Bun.spawnSync(["umount", "-l", directory]);
          rmSync(directory, { recursive: true, force: true });
        },
      };
    }
    rmSync(directory, { recursive: true, force: true });
    const words = `A full disk is not tested: no small file system can be mounted here (${stderr.toString().trim()})`;
    if (process.env["REQUIRE_SERVICES"] === "1") throw new Error(words);
    console.warn(words);
    return undefined;
  }

  test("is a 507: known before the body when the length says it, and in its middle when not", async () => {
    const disk = mountSmallDisk();
    if (!disk) return;
    try {
      await using app = await openStoringApp({ DATA_DIR: disk.directory });
      const store = { ...app, directory: disk.directory };
      const system = await app.addSystem();
      expect(await put(app, system, bytes(MOUNTED_BYTES + 1))).toMatchObject({
        status: 507,
        body: { message: "the backup storage is full" },
      });
      expect(await traces({ ...store, files: () => [] })).toEqual(NOTHING);

      // The disk fills up while the upload is under way.
      const filler = join(disk.directory, "filler");
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent === 2) mkdirSync(join(disk.directory, "other"), { recursive: true });
          if (sent === 2) fill(filler, disk.directory);
          sent += 1;
          controller.enqueue(bytes(1024 ** 2));
          if (sent === 6) controller.close();
        },
      });
      const answer = await app.request("POST", "/api/systems/backups", {
        authorization: system.authorization,
        headers: { "content-length": String(6 * 1024 ** 2) },
        body,
      });
      expect(answer.status).toBe(507);
      rmSync(filler);
      expect(await list(app, system)).toEqual([]);
      expect(await usage(app)).toBe(0);
      const { blocks, bfree, bsize } = statfsSync(disk.directory);
      expect((blocks - bfree) * bsize).toBeLessThan(64 * 1024);
      expect((await put(app, system, bytes(1024 ** 2))).status).toBe(201);
    } finally {
      disk.unmount();
    }
  }, 60_000);

  function fill(path: string, directory: string) {
    const { bavail, bsize } = statfsSync(directory);
    writeFileSync(path, bytes(bavail * bsize - 64 * 1024));
  }
});
