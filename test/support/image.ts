// The image as an engine would build and run it, without one: buildah on base images made from Debian's packages, then namespaces.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { makeDebian } from "./debian.ts";
import { parseDockerfile } from "./dockerfile.ts";
import { diskDirectory } from "./run.ts";
import { ROOT } from "./program.ts";

export interface Image {
  /** Its root file system. */
  root: string;
  config: ImageConfig;
  /** Where the volume's files are, with the owner that an engine gives them. */
  volume: string;
  [Symbol.dispose](): void;
}

export interface ImageConfig {
  User: string;
  Env: string[];
  Entrypoint: string[];
  Cmd: string[];
  StopSignal: string;
  Healthcheck: { Test: string[] };
  Volumes: Record<string, unknown>;
}

const TOOLS = ["buildah", "debootstrap", "unshare", "nsenter", "ip", "npm", "curl"];

/** Why images cannot be built here; undefined when they can. */
export function reasonNoImage(): string | undefined {
  if (process.getuid?.() !== 0) return "root alone can make root file systems";
  const missing = TOOLS.filter((tool) => !Bun.which(tool));
  return missing.length > 0 ? `${missing.join(", ")} not installed` : undefined;
}

/** Builds the Dockerfile of this repository as it stands. */
export function buildImage(): Image {
  const scratch = diskDirectory("image");
  const buildah = buildahIn(scratch);
  const dispose = () => {
    try {
      buildah("rm", "--all");
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  };
  try {
    for (const { image } of parseDockerfile(readFileSync(join(ROOT, "Dockerfile"), "utf8")))
      makeBase(buildah, scratch, image);
    const options = ["--isolation=chroot", "--pull-never", "--format=docker", "--layers=false"];
    buildah("build", ...options, "--tag=muster", ROOT);
    const { Docker }: { Docker: { config: ImageConfig } } = JSON.parse(
      buildah("inspect", "--type=image", "localhost/muster"),
    );
    const root = buildah("mount", buildah("from", "--pull-never", "localhost/muster"));
    const [path = ""] = Object.keys(Docker.config.Volumes);
    const volume = join(scratch, "volume");
    // As an engine fills a new volume: with what the image has there, owners and modes included.
    run(["cp", "-a", join(root, path), volume]);
    return { root, config: Docker.config, volume, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

type Buildah = (...args: string[]) => string;

function buildahIn(scratch: string): Buildah {
  const storage = ["--root", join(scratch, "storage"), "--runroot", join(scratch, "run"), "--storage-driver", "vfs"];
  return (...args) => run(["buildah", ...storage, ...args]);
}

/** Debian under the name that FROM asks for; node:N with that Node and npm, as npm's registry has them. */
function makeBase(buildah: Buildah, scratch: string, image: string): void {
  const debian = join(scratch, "debian.tar");
  if (!existsSync(debian)) packDebian(scratch, debian);
  const container = buildah("from", "scratch");
  buildah("add", container, debian, "/");
  const node = /^node:(\d+)/.exec(image)?.[1];
  if (node) {
    const root = buildah("mount", container);
    addNode(scratch, root, node);
    for (const [name, value] of addNpmSettings(root)) buildah("config", "--env", `${name}=${value}`, container);
  }
  buildah("commit", container, `docker.io/library/${image}`);
  buildah("rm", container);
}

function packDebian(scratch: string, tar: string): void {
  const target = join(scratch, "debian");
  makeDebian(target);
  run(["tar", "-C", target, "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./var/cache/apt/*", "-cf", tar, "."]);
  rmSync(target, { recursive: true });
}

function addNode(scratch: string, root: string, major: string): void {
  const platform = `node-linux-${process.arch}`;
  const prefix = join(scratch, "node");
  run(["npm", "install", "--silent", "--ignore-scripts", "--prefix", prefix, `${platform}@${major}`, "npm@11"]);
  cpSync(join(prefix, "node_modules", platform, "bin/node"), join(root, "usr/local/bin/node"));
  cpSync(join(prefix, "node_modules/npm"), join(root, "usr/local/lib/node_modules/npm"), { recursive: true });
  symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm"));
}

/** What this machine's npm needs to reach its registry; returned are the variables. */
function addNpmSettings(root: string): [string, string][] {
  const npmrc = join(homedir(), ".npmrc");
  if (existsSync(npmrc)) cpSync(npmrc, join(root, "root/.npmrc"));
  const variables = Object.entries(process.env).flatMap(([name, value]): [string, string][] =>
    /^(npm_config_(registry|cafile|https?.proxy|noproxy)|NODE_EXTRA_CA_CERTS|(https?|no)_proxy)$/i.test(name) && value
      ? [[name, value]]
      : [],
  );
  const authorities = "/etc/ssl/certs/ca-certificates.crt";
  const files = variables.filter(([, value]) => value.startsWith("/")).map(([, value]) => value);
  for (const file of new Set([authorities, ...files])) {
    if (!existsSync(file)) continue;
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), readFileSync(file));
  }
  return variables;
}

/** Runs to its end and returns what it said on stdout; a failure is thrown with what it said last. */
function run(command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { stdin: "ignore" });
  if (exitCode === 0) return stdout.toString().trim();
  const said = `${stdout.toString()}\n${stderr.toString()}`.trim().split("\n").slice(-20).join("\n");
  throw new Error(`${command.slice(0, 8).join(" ")} ended with ${exitCode}:\n${said}`);
}
