// The image is built from its Dockerfile as it stands, and does in a container what it must: serve, say its health, stop, keep.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startContainer } from "../support/container.ts";
import type { Container } from "../support/container.ts";
import { buildImage, reasonNoImage } from "../support/image.ts";
import type { Image } from "../support/image.ts";

const missing = reasonNoImage();
if (missing && process.env["REQUIRE_SERVICES"] === "1") {
  test("the image can be built here", () => expect.unreachable(missing));
} else if (missing) {
  test.skip(`the image: ${missing}`, () => {});
} else {
  describe("the image", tryImage);
}

function tryImage(): void {
  let image: Image;
  let system: { system_key: string; system_secret: string };
  beforeAll(() => void (image = buildImage()), 400_000);
  afterAll(() => image?.[Symbol.dispose](), 60_000);

  const healthOf = ({ exec }: Container) => exec(image.config.Healthcheck.Test.slice(1));
  const post = (container: Container, path: string, args: string[]) =>
    container.curl(["-X", "POST", `http://127.0.0.1:8081${path}`, ...args]);

  async function untilHealthy(container: Container): Promise<void> {
    for (let round = 0; round < 100; round += 1) {
      if ((await healthOf(container)).code === 0 && (await ready(container))) return;
      await Bun.sleep(200);
    }
    throw new Error(`not healthy in time:\n${container.log()}`);
  }
  const executable = () => join(image.root, image.config.Entrypoint[0] ?? "");
  const ready = async ({ exec }: Container) => (await exec(["muster", "health", "--ready"])).code === 0;

  test("serves without privileges on a read-only root: an appliance registers and its heartbeat is kept", async () => {
    await using container = await startContainer(image);
    await untilHealthy(container);
    const status = (await container.exec(["cat", "/proc/1/status"])).stdout;
    expect([/^Uid:\s+(\d+)/m.exec(status)?.[1], /^CapEff:\s+(\d+)/m.exec(status)?.[1]]).toEqual([
      "10001",
      "0000000000000000",
    ]);
    expect((await container.exec(["touch", "/etc/x"])).stderr).toContain("Read-only file system");
    system = JSON.parse((await container.exec(["muster", "systems", "add", "--name", "Branch 12", "--json"])).stdout);
    const secret = JSON.stringify({ system_secret: system.system_secret });
    const json = ["-H", "content-type: application/json"];
    expect(await post(container, "/backend/api/systems/register", [...json, "-d", secret])).toContain(
      "system registered successfully",
    );
    const login = ["-u", `${system.system_key}:${system.system_secret}`];
    expect(await post(container, "/collect/api/systems/heartbeat", login)).toContain("heartbeat acknowledged");
    // Large enough for the thread that diffs, and for a body that comes in pieces.
    const large = join(image.volume, "large.json");
    writeFileSync(large, JSON.stringify({ facts: { text: "x".repeat(400_000) } }));
    const inventory = [...login, ...json, "--data-binary", `@${large}`];
    expect(await post(container, "/api/systems/inventory", inventory)).toContain('"queue_status":"queued"');
    const backup = [...login, "-H", "X-Filename: a.tar", "--data-binary", `@${executable()}`];
    const stored = JSON.parse(await post(container, "/api/systems/backups", backup));
    expect(stored).toMatchObject({ code: 201, data: { size: statSync(executable()).size } });
    expect(await container.stop()).toBe(0);
    expect(container.log()).not.toContain("level=error");
  }, 60_000);

  test("what is in the volume belongs to its user alone, and a second container finds it all", async () => {
    expect([statSync(image.volume).uid, statSync(image.volume).mode & 0o777]).toEqual([10001, 0o700]);
    await using container = await startContainer(image);
    await untilHealthy(container);
    const { stdout } = await container.exec(["muster", "systems", "list", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ systems: [{ name: "Branch 12", status: "active" }] });
    expect(await container.stop()).toBe(0);
  }, 60_000);

  test("a dump comes out of it while it serves, and a killed PostgreSQL comes back", async () => {
    await using container = await startContainer(image);
    await untilHealthy(container);
    const dumped = await container.exec(["sh", "-c", "muster dump - --objects > $DATA_DIR/muster.tar.zst"]);
    expect(dumped).toMatchObject({ code: 0 });
    const checked = await container.exec(["sh", "-c", "muster restore $DATA_DIR/muster.tar.zst --check"]);
    expect(checked).toMatchObject({ code: 0 });
    const postmaster = async () =>
      (await container.exec(["sh", "-c", "head -1 $DATA_DIR/postgres/data/postmaster.pid"])).stdout.trim();
    const killed = await postmaster();
    expect((await container.exec(["sh", "-c", `kill -9 ${killed}`])).code).toBe(0);
    for (let round = 0; round < 50 && (await postmaster()) === killed; round += 1) await Bun.sleep(100);
    await untilHealthy(container);
    expect(await postmaster()).not.toBe(killed);
    const { stdout } = await container.exec(["muster", "backups", "list", "--json"]);
    expect(stdout).toContain("a.tar");
    expect(await container.stop()).toBe(0);
  }, 60_000);
}
