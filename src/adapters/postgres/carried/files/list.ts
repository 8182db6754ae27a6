// Lists what was unpacked, and finds what is no longer so: files that are missing, cut short or altered, links that lead elsewhere.
import { chmodSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NAME = "files.txt";
/** Last line of a list; a list without it was cut short and is invalid. */
const END = "end";

/** Writes one line for each file or link. */
export function writeFileList(directory: string): void {
  const lines: string[] = [];
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" }).sort()) {
    if (lstatSync(join(directory, name)).isDirectory()) continue;
    lines.push([name, ...describe(join(directory, name))].join("\t"));
  }
  const path = join(directory, NAME);
  writeFileSync(path, `${[...lines, END].join("\n")}\n`);
  chmodSync(path, 0o644);
}

/** Describes the first difference; undefined when there is none. */
export function findFault(directory: string): string | undefined {
  const lines = readLines(join(directory, NAME));
  if (lines.pop() !== END) return `${NAME} is missing or cut short`;
  for (const line of lines) {
    const [name = "", kind, size, mtimeMs, hash] = line.split("\t");
    const path = join(directory, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return `${name} is missing`;
    // A file with the same size and time is not read again.
    if (kind === "file" && stat.isFile() && String(stat.size) === size && String(stat.mtimeMs) === mtimeMs) continue;
    const [nowKind, nowSize, , nowHash] = describe(path);
    if (nowKind !== kind || nowSize !== size || nowHash !== hash) return `${name} was altered`;
  }
  return undefined;
}

/** `file`, size, time, hash; or `link` and where it leads. */
function describe(path: string): string[] {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return ["link", readlinkSync(path)];
  if (!stat.isFile()) return ["other"];
  // Detects accidents, not attackers with write access: a fast hash is enough.
  return ["file", String(stat.size), String(stat.mtimeMs), Bun.hash.xxHash3(readFileSync(path)).toString(16)];
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}
