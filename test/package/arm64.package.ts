// The executable for arm64 under qemu. Programs that it would start itself cannot be: the kernel here does not know them. So it
// runs on a PostgreSQL of this machine, and its own is tried program by program.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTestDatabase } from "../support/postgres.ts";
import { diskDirectory } from "../support/run.ts";
import { ROOT, runMuster, startGateway } from "../support/program.ts";

const EXECUTABLE = join(ROOT, "dist/arm64/muster");
const LIBRARIES = "/usr/aarch64-linux-gnu";
const qemu = Bun.which("qemu-aarch64-static");
const reason = !existsSync(EXECUTABLE)
  ? "dist/arm64/muster is not there: bun run package makes it"
  : !qemu
    ? "qemu-aarch64-static is not installed"
    : !existsSync(LIBRARIES)
      ? "the libraries of arm64 are not installed (libc6-arm64-cross)"
      : undefined;
if (reason && process.env["REQUIRE_SERVICES"]) throw new Error(`arm64 cannot be tested: ${reason}.`);
if (reason) console.warn(`Skipped: the executable for arm64, because ${reason}.`);

describe.skipIf(reason !== undefined)("on arm64", () => {
  const emulated = [qemu ?? "", "-L", LIBRARIES];
  const command = [...emulated, EXECUTABLE];
  let directory: string;
  beforeAll(() => {
    directory = diskDirectory("arm64");
    mkdirSync(directory, { recursive: true });
  }, 60_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }), 60_000);

  test("the executable says what it is", async () => {
    const { stdout } = await runMuster(["version"], { command });
    expect(stdout).toMatch(/^muster \S+ \(bun \S+, linux-arm64\)\n$/);
  }, 60_000);

  test("it serves an appliance, from registration to an authenticated beat", async () => {
    await using database = await createTestDatabase();
    const env = { DATABASE_URL: database.url, DATA_DIR: directory };
    await using gateway = await startGateway({ command, env });
    const added = await runMuster(["systems", "add", "--name", "Arm", "--json"], { env });
    const { system_key, system_secret } = JSON.parse(added.stdout);
    const body = JSON.stringify({ system_secret });
    const registered = await fetch(`${gateway.url}/backend/api/systems/register`, { method: "POST", body });
    expect(registered.status).toBe(200);
    const authorization = `Basic ${Buffer.from(`${system_key}:${system_secret}`).toString("base64")}`;
    const post = (path: string, sent?: string) =>
      fetch(`${gateway.url}/collect/api/systems/${path}`, {
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        ...(sent !== undefined && { body: sent }),
      });
    expect((await post("heartbeat")).status).toBe(200);
    const inventory = readFileSync(join(ROOT, "test/support/fixtures/inventories/ns8-inventory.json"), "utf8");
    expect((await post("inventory", inventory)).ok).toBe(true);
  }, 120_000);

  test("the PostgreSQL that it carries is for arm64 and starts", async () => {
    const [archive = ""] = readdirSync(join(ROOT, "dist/embedded")).filter((name) => name.includes("-arm64-"));
    const tar = await Bun.zstdDecompress(await Bun.file(join(ROOT, "dist/embedded", archive)).bytes());
    // The executable holds these very bytes.
    const bytes = readFileSync(EXECUTABLE);
    expect(bytes.includes(readFileSync(join(ROOT, "dist/embedded", archive)))).toBe(true);
    await new Bun.Archive(tar).extract(join(directory, "server"));
    for (const program of ["postgres", "initdb"]) {
      const path = join(directory, "server/bin", program);
      const { stdout } = Bun.spawnSync([...emulated, path, "--version"]);
      expect(stdout.toString()).toMatch(new RegExp(`^${program} \\(PostgreSQL\\) 18`));
    }
    // The server's own reading of its configuration, which loads its libraries and its data.
    const data = join(directory, "data");
    mkdirSync(data, { mode: 0o700 });
    writeFileSync(join(data, "postgresql.conf"), "shared_buffers = 64MB\n");
    const account = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
    if (account.length > 0) Bun.spawnSync(["chown", "-R", "65534", directory]);
    const asked = [...emulated, join(directory, "server/bin/postgres"), "-D", data, "-C", "shared_buffers"];
    const { stdout, stderr } = Bun.spawnSync([...account, ...asked]);
    expect(stdout.toString().trim(), stderr.toString()).toBe("8192");
  }, 60_000);
});
