// Writes the table of settings into docs/settings.md: `bun scripts/settings-page.ts`, after a setting changed.
import { join } from "node:path";
import { settingsTable } from "../src/cli/host/config.ts";

const PAGE = join(import.meta.dir, "../docs/settings.md");
const MARKED = /(<!-- settings -->)[^]*(<!-- \/settings -->)/;

const text = await Bun.file(PAGE).text();
await Bun.write(
  PAGE,
  text.replace(MARKED, (_, start: string, end: string) => `${start}\n\n${settingsTable()}\n\n${end}`),
);
await Bun.$`${process.execPath} fmt ${PAGE}`.quiet();
