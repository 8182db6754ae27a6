// Bundles the program as the build does, without compiling it, to see which packages are in it.
import { join } from "node:path";
import { ROOT } from "./program.ts";

/** Names of the packages whose modules end up in the executable. */
export async function bundledPackages(): Promise<string[]> {
  const { metafile } = await Bun.build({ entrypoints: [join(ROOT, "src/main.ts")], target: "bun", metafile: true });
  const names = Object.keys(metafile?.inputs ?? {}).map(
    (path) => [...path.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)].at(-1)?.[1],
  );
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}
