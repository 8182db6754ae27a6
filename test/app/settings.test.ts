// Checks what must hold of all settings together, whoever declares them.
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as domains from "../../src/app/domains.ts";
import { allSettings, parseConfig } from "../../src/app/settings.ts";

const SRC = join(import.meta.dir, "../../src");

test("each variable is one setting, and what it means fits a line of a table", () => {
  const names = allSettings.map(({ env }) => env);
  expect(names).toEqual([...new Set(names)]);
  for (const { env, doc } of allSettings) {
    expect(env).toMatch(/^[A-Z][A-Z0-9_]+$/);
    expect(doc).toMatch(/^[^|\n]*[.…]$/);
  }
});

test("each default can be read", () => {
  expect(() => parseConfig({})).not.toThrow();
});

test("each folder of a domain is in the list", () => {
  const folders = readdirSync(join(SRC, "domains")).sort();
  expect(Object.keys(domains).sort()).toEqual(folders);
});
