// Runs scripts/setup.sh in fresh clones that lack something: it says within seconds what, and what to do.
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { ROOT } from "../support/program.ts";
import { temporaryDirectory } from "../support/run.ts";

const LIMIT_MS = 120_000;
/** What the script itself needs of a system; Bun, Node and npm are added by each test. */
const TOOLS = ["sh", "sed", "mktemp", "rm", "dirname", "tail", "head"];

/** A clone before its first start, and a PATH with nothing but these programs. */
function freshClone(programs: Record<string, string | null>) {
  const directory = temporaryDirectory("clone");
  mkdirSync(join(directory, "scripts"));
  for (const name of ["package.json", "bun.lock", ".npmrc", "scripts/setup.sh"])
    copyFileSync(join(ROOT, name), join(directory, name));
  const path = join(directory, "programs");
  mkdirSync(path);
  const all = { ...Object.fromEntries(TOOLS.map((name) => [name, Bun.which(name)])), ...programs };
  for (const [name, target] of Object.entries(all)) if (target) symlinkSync(target, join(path, name));
  return { directory, path };
}

async function setup({ directory, path }: ReturnType<typeof freshClone>, registry: string) {
  const env = { PATH: path, HOME: directory, npm_config_registry: registry, REGISTRY_SECONDS: "2" };
  const child = Bun.spawn(["sh", join(directory, "scripts/setup.sh")], { env, stdout: "pipe", stderr: "pipe" });
  const [stderr, stdout, code] = await Promise.all([child.stderr.text(), child.stdout.text(), child.exited]);
  return { code, stderr, stdout };
}

/** Takes connections and never answers. */
async function openBlackHole() {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return { url: `http://127.0.0.1:${port}`, [Symbol.dispose]: () => void server.close() };
}

const REFUSES = "http://127.0.0.1:9";
const node = { node: Bun.which("node"), npm: Bun.which("npm") };
const hasNpm = node.node !== null && node.npm !== null;
if (!hasNpm && process.env["REQUIRE_SERVICES"]) throw new Error("npm is not installed, and REQUIRE_SERVICES is set.");
if (!hasNpm) console.warn("Skipped: tests of a setup by npm, because npm is not installed.");

test.skipIf(!hasNpm)(
  "npm without a registry: the registry is named, and how to choose another",
  async () => {
    const { code, stderr } = await setup(freshClone(node), REFUSES);
    expect(stderr).toStartWith("Installing Bun");
    expect(stderr).toContain("ECONNREFUSED");
    expect(stderr).toContain(`The package registry ${REFUSES} does not give bun@`);
    expect(stderr).toContain("npm config set registry https://");
    expect(code).toBe(1);
  },
  LIMIT_MS,
);

test.skipIf(!hasNpm)(
  "npm with a registry that takes connections and never answers: the same",
  async () => {
    using hole = await openBlackHole();
    const { code, stderr } = await setup(freshClone(node), hole.url);
    expect(stderr).toContain("network timeout");
    expect(stderr).toContain(`The package registry ${hole.url} does not give bun@`);
    expect(code).toBe(1);
  },
  LIMIT_MS,
);

test(
  "Bun without a registry, or with one that never answers: the same",
  async () => {
    using hole = await openBlackHole();
    for (const url of [REFUSES, hole.url]) {
      const { code, stderr } = await setup(freshClone({ bun: process.execPath }), url);
      expect(stderr).toContain("The package registry does not give bun@");
      expect(stderr).toContain("npm config set registry https://");
      expect(code).toBe(1);
    }
  },
  LIMIT_MS,
);

test(
  "neither Node nor Bun, a Node that is too old, and one without npm: what to install",
  async () => {
    expect(await setup(freshClone({}), REFUSES)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there is no node here.\nInstall it (Debian and Ubuntu: apt-get install"),
    });
    const old = freshClone({});
    writeFileSync(join(old.path, "node"), '#!/bin/sh\n[ "$1" = -p ] && echo 16.20.2 || echo v16.20.2\n');
    chmodSync(join(old.path, "node"), 0o755);
    expect(await setup(old, REFUSES)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Node 16.20.2 is too old: Muster needs Node 18 or newer"),
    });
    if (!node.node) return;
    expect(await setup(freshClone({ node: node.node }), REFUSES)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("its npm is not"),
    });
  },
  LIMIT_MS,
);

test(
  "where everything is in place it says nothing, whether a registry answers or not",
  async () => {
    const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], npm_config_registry: REFUSES };
    const child = Bun.spawn(["sh", join(ROOT, "scripts/setup.sh")], { env, stdout: "pipe", stderr: "pipe" });
    expect([await child.exited, await child.stdout.text(), await child.stderr.text()]).toEqual([0, "", ""]);
  },
  LIMIT_MS,
);
