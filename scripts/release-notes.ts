// Folds changelog/unreleased into CHANGELOG.md as one version: `bun scripts/release-notes.ts 0.2.0`. Then read what it wrote, and
// merge the entries that tell one story.
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Of Keep a Changelog, with what breaks first; fragments name one of them. */
const KINDS = ["Breaking", "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"] as const;

const FRAGMENT = new RegExp(`^(${KINDS.join("|")}): *([^]+)$`);

/** The changelog with the version on top. Throws a sentence where a fragment or the version is not as it must be. */
export function foldFragments(
  changelog: string,
  fragments: readonly { name: string; text: string }[],
  { version, date }: { version: string; date: string },
): string {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error(`The version must be like 1.2.3, got "${version}".`);
  if (changelog.includes(`\n## ${version} `)) throw new Error(`CHANGELOG.md has ${version} already.`);
  if (fragments.length === 0) throw new Error("changelog/unreleased holds nothing to release.");
  const entries = fragments.map(({ name, text }) => {
    const [, kind, words = ""] = FRAGMENT.exec(text.trim()) ?? [];
    if (kind === undefined)
      throw new Error(`${name} must begin with one of ${KINDS.map((one) => `${one}:`).join(", ")}`);
    return { kind, item: itemOf(words) };
  });
  const sections = KINDS.flatMap((kind) => {
    const items = entries.filter((entry) => entry.kind === kind).map(({ item }) => item);
    return items.length > 0 ? [`### ${kind}\n\n${items.join("\n")}`] : [];
  });
  const section = `## ${version} - ${date}\n\n${sections.join("\n\n")}\n`;
  const at = changelog.search(/^## \d/m);
  return at < 0
    ? `${changelog.trimEnd()}\n\n${section}`
    : `${changelog.slice(0, at)}${section}\n${changelog.slice(at)}`;
}

/** One list item: the first line is its head, what follows is one paragraph more. */
function itemOf(words: string): string {
  const [head = "", ...rest] = words.trim().split(/\n\s*\n/);
  const title = capitalized(head.replaceAll(/\s*\n\s*/g, " "));
  if (rest.length === 0) return `- ${title}${/[.!?]$/.test(title) ? "" : "."}`;
  const paragraphs = rest.map((one) => one.trim().replaceAll(/\s*\n\s*/g, " "));
  return `- **${title.replace(/\.$/, "")}.** ${paragraphs.join(" ")}`;
}

const capitalized = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** The version's entries as Debian's changelog has them: plain text, below 80 columns. */
export function debianEntries(changelog: string, version: string): string[] {
  const section = changelog.split(/^## /m).find((one) => one.startsWith(`${version} `));
  if (section === undefined) throw new Error(`CHANGELOG.md has no section for ${version}.`);
  const items = section.matchAll(/^- .*(?:\n {2}.*)*/gm);
  return [...items].map(([item]) => {
    const plain = item
      .slice(2)
      .replaceAll(/\s+/g, " ")
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replaceAll(/\*\*|`/g, "");
    return `  * ${wrapped(plain, 76).join("\n    ")}`;
  });
}

function wrapped(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + 1 + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}

if (import.meta.main) {
  const root = join(import.meta.dir, "..");
  const [version = "", date = new Date().toISOString().slice(0, 10)] = process.argv.slice(2);
  const directory = join(root, "changelog/unreleased");
  const names = readdirSync(directory)
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .sort();
  const fragments = names.map((name) => ({ name, text: readFileSync(join(directory, name), "utf8") }));
  const path = join(root, "CHANGELOG.md");
  writeFileSync(path, foldFragments(readFileSync(path, "utf8"), fragments, { version, date }));
  for (const name of names) rmSync(join(directory, name));
  Bun.spawnSync([process.execPath, "fmt", path]);
  console.log(`CHANGELOG.md: ${version}, ${names.length} entries. package.json: set "version" to ${version}.`);
}
