// Writes the table of settings into README.md: `bun scripts/readme-settings.ts`, after a row of src/config.ts changed.
import { join } from "node:path";
import { settingsTable } from "../src/cli/config.ts";

const README = join(import.meta.dir, "../README.md");
const MARKED = /(<!-- settings -->)[^]*(<!-- \/settings -->)/;

const text = await Bun.file(README).text();
await Bun.write(
  README,
  text.replace(MARKED, (_, start: string, end: string) => `${start}\n\n${settingsTable()}\n\n${end}`),
);
await Bun.$`${process.execPath} fmt ${README}`.quiet();
