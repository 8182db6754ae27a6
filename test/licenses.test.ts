// Compares the licenses that `muster version --licenses` prints with what is carried.
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { LICENSES, describeLicenses } from "../scripts/licenses.ts";
import { carriedPackages } from "../scripts/carried.ts";
import { installedServer } from "../src/adapters/postgres/carried/files/unpack.ts";
import { bundledPackages } from "./support/bundle.ts";
import { runMuster } from "./support/program.ts";

test("src/cli/licenses.txt is of the packages that are installed; bun scripts/licenses.ts rewrites it", async () => {
  expect(await Bun.file(LICENSES).text()).toBe(describeLicenses());
}, 60_000);

test("every package that Muster depends on is named, with Bun and PostgreSQL", async () => {
  const { code, stdout } = await runMuster(["version", "--licenses"]);
  expect(code).toBe(0);
  for (const [name, version] of Object.entries(packageJson.dependencies))
    if (name !== "bun") expect(stdout).toContain(`${name}@${version} (`);
  expect(stdout).toContain("Bun (MIT)");
  expect(stdout).toContain("PostgreSQL Global Development Group");
}, 60_000);

test("no package is in the bundle without being counted as carried", async () => {
  const carried = carriedPackages().packages.map(({ name }) => name);
  const bundled = await bundledPackages();
  expect(bundled).toContain("elysia");
  expect(bundled.filter((name) => !carried.includes(name))).toEqual([]);
}, 60_000);

test("the libraries that come with PostgreSQL are named", async () => {
  const text = await Bun.file(LICENSES).text();
  const libraries = readdirSync(join(installedServer(), "lib")).filter((name) => /\.so/.test(name));
  const named: Record<string, string> = {
    crypto: "OpenSSL",
    ssl: "OpenSSL",
    icudata: "ICU",
    icui18n: "ICU",
    icuuc: "ICU",
    lzma: "liblzma",
    "ossp-uuid": "OSSP uuid",
    xml2: "libxml2",
    xslt: "libxslt",
    z: "zlib",
  };
  for (const library of libraries) {
    const [, name = ""] = /^lib([\w-]+)\.so/.exec(library) ?? [];
    if (/^(pq|ecpg|ecpg_compat|pgtypes)$/.test(name)) continue;
    expect(named[name], library).toBeDefined();
    expect(text).toContain(named[name] ?? library);
  }
});
