// The executable alone in an empty directory: everything a user does with it, as root and as nobody in particular.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { version } from "../../package.json";
import { diskDirectory } from "../support/run.ts";
import { ROOT, runJson, runMuster, startGateway } from "../support/program.ts";
import type { Gateway } from "../support/program.ts";

const EXECUTABLE = join(ROOT, "dist/muster");
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const setpriv = Bun.which("setpriv");

const missing = reasonToSkip();
if (missing && process.env["REQUIRE_SERVICES"] === "1") {
  test("the executable was built", () => expect.unreachable(missing));
} else if (missing) {
  test.skip(`the executable: ${missing}`, () => {});
} else {
  describe("as the user who runs the tests", () => tryExecutable("own", []));
  if (isRoot && setpriv) {
    const drop = [setpriv, `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    describe("as an unprivileged user", () => tryExecutable("nobody", drop));
  }
}

function reasonToSkip(): string | undefined {
  if (!existsSync(EXECUTABLE)) return "dist/muster is not there; bun run build makes it";
  const builtMs = statSync(EXECUTABLE).mtimeMs;
  const sources = [...new Glob("{src,sql,scripts}/**/*.{ts,sql}").scanSync(ROOT), "package.json", "bun.lock"];
  const newer = sources.find((path) => path !== "sql/schema.sql" && statSync(join(ROOT, path)).mtimeMs > builtMs);
  return newer && `dist/muster is older than ${newer}; bun run build makes it anew`;
}

function tryExecutable(name: string, wrapper: string[]): void {
  let directory: string;
  let options: { command: string[]; cwd: string; env: Record<string, string> };
  let gateway: Gateway;
  let system: { system_key: string; system_secret: string };

  beforeAll(() => {
    directory = diskDirectory(`binary-${name}`);
    const cwd = join(directory, "alone");
    mkdirSync(cwd);
    copyFileSync(EXECUTABLE, join(cwd, "muster"));
    chmodSync(join(cwd, "muster"), 0o755);
    if (wrapper.length > 0) chownSync(cwd, NOBODY, NOBODY);
    else chmodSync(cwd, 0o711);
    options = { command: [...wrapper, join(cwd, "muster")], cwd, env: { DATA_DIR: join(cwd, "data"), HOME: cwd } };
  }, 240_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }), 60_000);

  const authorization = () => `Basic ${btoa(`${system.system_key}:${system.system_secret}`)}`;
  const post = (path: string, body?: string | Blob, headers: Record<string, string> = {}) =>
    fetch(`${gateway.url}${path}`, { method: "POST", headers, ...(body === undefined ? {} : { body }) });
  const fixture = (document: string) => Bun.file(join(ROOT, `test/support/fixtures/inventories/${document}.json`));

  test("says its version and its settings", async () => {
    expect(await runJson(["version"], options)).toMatchObject({ version });
    expect((await runMuster(["config"], options)).stdout).toContain(`DATA_DIR=${options.env["DATA_DIR"]}\n`);
  }, 240_000);

  test("migrate makes the database, the second time there is nothing to do", async () => {
    const first = await runJson<{ applied: string[]; version: number }>(["migrate"], options);
    const again = await runJson<{ applied: string[]; version: number }>(["migrate"], options);
    expect(again).toEqual({ applied: [], version: first.version });
    expect(Number(first.applied.at(-1)?.slice(0, 4))).toBe(first.version);
  }, 240_000);

  test("doctor finds everything well", async () => {
    const { code, stdout, stderr } = await runMuster(["doctor"], options);
    // A temporary directory may well be in memory, which doctor rightly fails.
    const failed = stdout.split("\n").filter((line) => line.startsWith("FAILED") && !line.includes("in memory"));
    expect({ failed, stderr }).toEqual({ failed: [], stderr: "" });
    expect(code).toBe(stdout.includes("FAILED") ? 1 : 0);
  }, 240_000);

  test("serves: a system is added beside it, registers, and its heartbeat is acknowledged", async () => {
    gateway = await startGateway(options);
    system = await runJson(["systems", "add", "--name", "Branch 12"], options);
    const json = { "content-type": "application/json" };
    const registered = await post(
      "/backend/api/systems/register",
      JSON.stringify({ system_secret: system.system_secret }),
      json,
    );
    expect(await registered.json()).toMatchObject({ code: 200, data: { system_key: system.system_key } });
    const beat = await post("/collect/api/systems/heartbeat", undefined, { authorization: authorization() });
    expect(await beat.json()).toMatchObject({ message: "heartbeat acknowledged", data: { acknowledged: true } });
    expect((await post("/api/systems/heartbeat", undefined, { authorization: "Basic eDp5" })).status).toBe(401);
  }, 240_000);

  test("two inventories give a list of changes", async () => {
    for (const document of ["ns8-inventory", "ns8-inventory-after-30-steps"]) {
      const headers = { authorization: authorization(), "content-type": "application/json" };
      const answer = await post("/api/systems/inventory", fixture(document), headers);
      expect(await answer.json()).toMatchObject({
        code: 200,
        data: { queue_status: "queued", changes_detected: true },
      });
    }
    const { changes } = await changesWhenThere();
    expect(changes.length).toBeGreaterThan(3);
    expect(changes[0]).toMatchObject({ significant: true, detected_at: expect.any(String) });
    // Large enough for the thread that the executable carries beside the program.
    const large = JSON.stringify({ facts: { text: "x".repeat(400_000) } });
    const answer = await post("/api/systems/inventory", large, { authorization: authorization() });
    expect(await answer.json()).toMatchObject({ code: 200, data: { data_size: large.length } });
  }, 240_000);

  test("an operator's token opens the admin API, and the description of the API is there", async () => {
    const { token } = await runJson<{ token: string }>(["tokens", "add", "--name", "smoke"], options);
    const listed = await fetch(`${gateway.url}/api/admin/systems`, { headers: { authorization: `Bearer ${token}` } });
    expect(await listed.json()).toMatchObject({ data: { systems: [{ name: "Branch 12", status: "active" }] } });
    expect((await fetch(`${gateway.url}/api/admin/systems`)).status).toBe(401);
    expect(await (await fetch(`${gateway.url}/api/openapi.json`)).json()).toMatchObject({ openapi: "3.1.0" });
    expect(await (await fetch(`${gateway.operationsUrl}/metrics`)).text()).toContain("muster_");
  }, 240_000);

  test("SIGTERM ends it with 0 and nothing of it is left running", async () => {
    expect(await gateway.stop()).toBe(0);
    const { stdout } = Bun.spawnSync(["ps", "-eo", "args"]);
    expect(
      stdout
        .toString()
        .split("\n")
        .filter((line) => line.includes(directory)),
    ).toEqual([]);
  }, 240_000);

  /** The answer to an inventory comes before its diff, which takes a moment. */
  async function changesWhenThere() {
    for (let tries = 0; ; tries += 1) {
      const page = await runJson<{ changes: unknown[] }>(["systems", "changes", system.system_key], options);
      if (page.changes.length > 0 || tries > 200) return page;
    }
  }
}
