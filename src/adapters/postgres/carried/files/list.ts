// Lists what was unpacked, and finds what is no longer so: files that are missing, cut short or altered, links that lead elsewhere.
import { chmodSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NAME = "files.txt";
/** The last line, so that a list that was cut short is none. */
const END = "end";

/** One line a file or link. */
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

/** The first one, in words; undefined when all is as it was. */
export function findFault(directory: string): string | undefined {
  const lines = readLines(join(directory, NAME));
  if (lines.pop() !== END) return `${NAME} is missing or cut short`;
  for (const line of lines) {
    const [name = "", kind, size, mtimeMs, hash] = line.split("\t");
    const path = join(directory, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return `${name} is missing`;
    // A file is trusted without being read while its size and time are the same.
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
  // Against accidents, not against whoever may write here: fast is enough.
  return ["file", String(stat.size), String(stat.mtimeMs), Bun.hash.xxHash3(readFileSync(path)).toString(16)];
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}
