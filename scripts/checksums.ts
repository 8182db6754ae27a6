// Writes SHA256SUMS beside the files of a release, as `sha256sum --check SHA256SUMS` reads it.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Of every file of the directory whose name begins with the prefix; returns their names. */
export function writeSums(directory: string, prefix: string): string[] {
  const names = readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .sort();
  const lines = names.map((name) => `${Bun.SHA256.hash(readFileSync(join(directory, name)), "hex")}  ${name}\n`);
  writeFileSync(join(directory, "SHA256SUMS"), lines.join(""));
  return names;
}
