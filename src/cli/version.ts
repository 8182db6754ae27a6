// muster version: what this executable is, and what it carries of others.
import { version as packaged } from "../../package.json";
import licenses from "./licenses.txt" with { type: "text" };
import { readArgs } from "./verb.ts";
import type { Verb } from "./verb.ts";

export const VERSION: string = packaged;

export const version: Verb = {
  name: "version",
  summary: "Print the version.",
  usage: `muster version [--json]
muster version --licenses     of everything that the executable carries`,
  async run(args, cli) {
    const { json, licenses: wantsLicenses } = readArgs(args, { licenses: { type: "boolean" } });
    if (wantsLicenses) {
      cli.print(licenses.trimEnd());
      return 0;
    }
    const facts = { version: VERSION, bun: Bun.version, platform: `${process.platform}-${process.arch}` };
    cli.print(json ? JSON.stringify(facts) : `muster ${VERSION} (bun ${facts.bun}, ${facts.platform})`);
    return 0;
  },
};
