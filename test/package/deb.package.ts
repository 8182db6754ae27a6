// The Debian package in a bare Debian 12: installed, lived with, upgraded, purged, installed again, and all is back.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { makeDebian } from "../support/debian.ts";
import { diskDirectory } from "../support/run.ts";
import { ROOT, startGateway } from "../support/program.ts";
import type { Gateway } from "../support/program.ts";

const architecture = process.arch === "x64" ? "amd64" : "arm64";
const version: string = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
const PACKAGE = join(ROOT, `dist/muster_${version}_${architecture}.deb`);
const UNIT = "lib/systemd/system/muster.service";
const missing = ["debootstrap", "dpkg-deb", "unshare", "systemd-analyze"].filter((tool) => !Bun.which(tool));
const reason =
  process.getuid?.() !== 0
    ? "root alone can make a chroot"
    : missing.length > 0
      ? `${missing.join(", ")} not installed`
      : existsSync(PACKAGE)
        ? undefined
        : `${basename(PACKAGE)} is not there: bun run package makes it`;
if (reason && process.env["REQUIRE_SERVICES"]) throw new Error(`The package cannot be tested: ${reason}.`);
if (reason) console.warn(`Skipped: the Debian package, because ${reason}.`);

describe.skipIf(reason !== undefined)("the Debian package", () => {
  let root: string;
  let bare: string[];
  beforeAll(() => {
    root = join(diskDirectory("debian"), "root");
    makeDebian(root, ["systemd"]);
    bare = listing(root);
  }, 300_000);
  afterAll(() => rmSync(join(root, ".."), { recursive: true, force: true }), 60_000);

  /** In a mount namespace of its own, so that /proc is gone with it. */
  const within = (...command: string[]) => [
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"',
    root,
    ...command,
  ];
  const execute = (...command: string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(within("env", "DEBIAN_FRONTEND=noninteractive", ...command), {
      stdin: "ignore",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
    });
    const finished = { stdout: stdout.toString(), stderr: stderr.toString() };
    if (exitCode !== 0)
      throw new Error(`${command.join(" ")} ended with ${exitCode}: ${finished.stdout}${finished.stderr}`);
    return finished;
  };
  /** The answer alone: what a command changed, and where, it says on stderr. */
  const run = (...command: string[]) => execute(...command).stdout;
  /** Returns what it warns of. */
  const install = (path: string) => {
    writeFileSync(join(root, "tmp/muster.deb"), readFileSync(path));
    return execute("dpkg", "--install", "--force-confold", "/tmp/muster.deb").stderr;
  };
  /** What the unit says, as systemd would do it: its user, its environment, its command. */
  const unit = () => {
    const text = readFileSync(join(root, UNIT), "utf8");
    const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? "";
    const [, settings = ""] = /^EnvironmentFile=-(.*)$/m.exec(text) ?? [];
    const lines = readFileSync(join(root, settings), "utf8").split("\n");
    const fromFile = lines.filter((line) => /^[A-Z]/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2));
    const [name = "", given = ""] = value("Environment").split("=");
    return {
      command: value("ExecStart").split(" "),
      reload: value("ExecReload"),
      user: value("User"),
      env: { ...Object.fromEntries(fromFile), [name]: given } as Record<string, string>,
    };
  };
  const asUser = (...command: string[]) => {
    const { user, env } = unit();
    const variables = Object.entries({ ...env, PATH: "/usr/bin:/bin" }).map(([name, value]) => `${name}=${value}`);
    return ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups", "env", "-i", ...variables, ...command];
  };
  const start = (): Promise<Gateway> => {
    const [program = "", ...args] = unit().command;
    const own = ["LISTEN_ADDRESS=127.0.0.1:0", "HEALTH_LISTEN_ADDRESS=127.0.0.1:0"];
    const command = within(...asUser("env", ...own, program));
    return startGateway({ command, args, env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
  };
  const muster = (...args: string[]) => run(...asUser("/usr/bin/muster", ...args));

  test("goes in, and systemd finds no fault in its unit", () => {
    install(PACKAGE);
    expect(run("stat", "-c", "%U:%G %a", "/var/lib/muster", "/etc/muster", "/etc/muster/muster.env")).toBe(
      "muster:muster 700\nroot:muster 750\nroot:muster 640\n",
    );
    const { exitCode, stderr } = Bun.spawnSync(["systemd-analyze", "verify", `--root=${root}`, "muster.service"]);
    const faults = stderr
      .toString()
      .split("\n")
      .filter((line) => line.includes("muster"));
    expect([exitCode, faults]).toEqual([0, []]);
    expect(run("/usr/bin/muster", "version")).toStartWith(`muster ${version} `);
    expect(readdirSync(join(root, "etc/systemd/system/multi-user.target.wants"))).toContain("muster.service");
  });

  test("brings a manual page, and lies beside its bill of materials and sums that are right", () => {
    const page = Bun.gunzipSync(readFileSync(join(root, "usr/share/man/man1/muster.1.gz")));
    expect(new TextDecoder().decode(page)).toContain(`"muster ${version}"`);
    const bill = JSON.parse(readFileSync(PACKAGE.replace(/\.deb$/, ".cdx.json"), "utf8"));
    expect(bill.metadata.component.purl).toBe(`pkg:deb/debian/muster@${version}?arch=${architecture}`);
    const sums = Bun.spawnSync(["sha256sum", "--strict", "--check", "SHA256SUMS"], { cwd: join(ROOT, "dist") });
    expect(sums.exitCode).toBe(0);
    expect(sums.stdout.toString()).toContain(`${basename(PACKAGE)}: OK\n`);
  });

  const inventory = readFileSync(join(ROOT, "test/support/fixtures/inventories/ns8-inventory.json"));
  const backup = crypto.getRandomValues(new Uint8Array(60_000));
  let system: { system_key: string; system_secret: string };

  const post = async (gateway: Gateway, path: string, body?: Uint8Array<ArrayBuffer> | string) => {
    const headers = {
      authorization: `Basic ${Buffer.from(`${system.system_key}:${system.system_secret}`).toString("base64")}`,
      "content-type": path === "backups" ? "application/octet-stream" : "application/json",
      "x-filename": "dump.json.gz.gpg",
    };
    const url = `${gateway.url}/collect/api/systems/${path}`;
    const answer = await fetch(url, { method: "POST", headers, ...(body !== undefined && { body }) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  /** Everything an operator would miss, asked of the program itself. */
  const kept = () => {
    const shown = JSON.parse(muster("systems", "show", system.system_key, "--json"));
    const backups = JSON.parse(muster("backups", "list", "--system", system.system_key, "--json"));
    return {
      key: shown.system_key,
      name: shown.name,
      beat: shown.last_heartbeat_at ?? shown.last_heartbeat,
      version: shown.version,
      backups: (backups.backups ?? backups).map((one: { sha256: string; size: number }) => [one.sha256, one.size]),
    };
  };

  test("what it keeps comes back after a purge, from its dump", async () => {
    muster("migrate");
    system = JSON.parse(muster("systems", "add", "--name", "Branch 12", "--json"));
    let before: ReturnType<typeof kept>;
    {
      await using gateway = await start();
      const uid = run("id", "-u", "muster").trim();
      expect(readFileSync(`/proc/${gateway.pid}/status`, "utf8")).toContain(`Uid:\t${uid}\t${uid}\t${uid}`);
      const body = JSON.stringify({ system_secret: system.system_secret });
      const registered = await fetch(`${gateway.url}/backend/api/systems/register`, { method: "POST", body });
      expect(registered.status).toBe(200);
      await post(gateway, "heartbeat");
      await post(gateway, "inventory", inventory);
      await post(gateway, "backups", backup);
      await until(() => kept().version !== null && Boolean(kept().beat));
      before = kept();
      expect(before.backups).toEqual([[Bun.SHA256.hash(backup, "hex"), backup.byteLength]]);
      muster("dump", "/var/lib/muster/muster.tar.zst", "--objects");
    }
    mkdirSync(join(root, "srv"), { recursive: true });
    run("mv", "/var/lib/muster/muster.tar.zst", "/srv/muster.tar.zst");
    expect(run("dpkg", "--purge", "muster")).toContain("Erasing all data");
    rmSync(join(root, "tmp/muster.deb"));
    expect(listing(root).filter((path) => !path.startsWith("./srv/"))).toEqual(bare);
    expect(readFileSync(join(root, "etc/passwd"), "utf8")).not.toContain("muster");

    install(PACKAGE);
    run("chown", "muster", "/srv/muster.tar.zst");
    expect(muster("restore", "/srv/muster.tar.zst")).toContain("Restored");
    expect(kept()).toEqual(before);
    await using gateway = await start();
    run(...asUser(`MAINPID=${gateway.pid}`, "sh", "-c", unit().reload));
    await until(() => gateway.log().includes("Reading certificate and inventory rules again"));
    await post(gateway, "heartbeat");
  }, 180_000);

  test("an upgrade keeps data and edited settings and asks nothing; a removal keeps them too", () => {
    const settings = join(root, "etc/muster/muster.env");
    writeFileSync(settings, "HEARTBEAT_TIMEOUT_MINUTES=20\n");
    const tree = join(root, "../newer");
    Bun.spawnSync(["dpkg-deb", "-R", PACKAGE, tree]);
    const control = join(tree, "DEBIAN/control");
    writeFileSync(control, readFileSync(control, "utf8").replace(/^Version: .*$/m, `Version: ${version}+1`));
    writeFileSync(join(tree, "etc/muster/muster.env"), "# another example\n");
    Bun.spawnSync(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, join(root, "../newer.deb")]);
    writeFileSync(join(root, "tmp/muster.deb"), readFileSync(join(root, "../newer.deb")));
    run("dpkg", "--install", "--force-confold", "/tmp/muster.deb");
    expect(run("dpkg-query", "-W", "muster")).toContain(`${version}+1`);
    expect(readFileSync(settings, "utf8")).toBe("HEARTBEAT_TIMEOUT_MINUTES=20\n");
    expect(kept().key).toBe(system.system_key);
    // Without any variable, the program finds the service's settings and data by itself.
    const plain = (...args: string[]) => run("runuser", "-u", "muster", "--", "/usr/bin/muster", ...args);
    expect(plain("config")).toContain("HEARTBEAT_TIMEOUT_MINUTES=20\n");
    expect(plain("systems", "list")).toContain("Branch 12");
    // So it does for root, and all of it stays the service's.
    expect(run("/usr/bin/muster", "systems", "list")).toContain("Branch 12");
    expect(run("find", "/var/lib/muster", "-not", "-user", "muster")).toBe("");
    run("dpkg", "--remove", "muster");
    expect(existsSync(join(root, "usr/bin/muster"))).toBe(false);
    expect([existsSync(settings), existsSync(join(root, "var/lib/muster/postgres"))]).toEqual([true, true]);
    install(PACKAGE);
    expect(kept().key).toBe(system.system_key);
    expect(readFileSync(settings, "utf8")).toBe("HEARTBEAT_TIMEOUT_MINUTES=20\n");
    run("dpkg", "--purge", "muster");
  }, 120_000);

  test("one that muster install made before is pointed at", () => {
    mkdirSync(join(root, "etc/systemd/system"), { recursive: true });
    const own = join(root, "etc/systemd/system/muster.service");
    writeFileSync(own, readFileSync(join(ROOT, "systemd/muster.service")));
    expect(install(PACKAGE)).toContain('Run "/usr/local/bin/muster uninstall" to remove it');
    rmSync(own);
    run("dpkg", "--purge", "muster");
  }, 60_000);
});

/** What packages and programs may leave, without what dpkg itself writes. */
function listing(root: string): string[] {
  const { stdout } = Bun.spawnSync(["find", ".", "-xdev", "-not", "-type", "d"], { cwd: root });
  const own =
    /^\.\/(proc|sys|dev|run|tmp)\/|^\.\/var\/(lib\/dpkg|log|cache)\/|^\.\/etc\/(passwd|group|g?shadow|sub[ug]id)-$/;
  return stdout
    .toString()
    .split("\n")
    .filter((path) => path !== "" && !own.test(path))
    .sort();
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    if (isTrue()) return;
    await Bun.sleep(200);
  }
  throw new Error("It did not come to pass.");
}
