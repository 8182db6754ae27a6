// Prints the version of this executable and the licenses of what it carries: muster version.
import { version as packaged } from "../../package.json";
import licenses from "./licenses.txt" with { type: "text" };
import type { Given } from "./arguments.ts";
import { action } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";

export const VERSION: string = packaged;

export const version: Verb = {
  name: "version",
  summary: "Print the version.",
  actions: {
    "": action({
      flags: { licenses: true },
      hint: "--licenses: of everything that the executable carries",
      run: tellVersion,
    }),
  },
};

async function tellVersion({ json, licenses: wantsLicenses }: Given<{ licenses: true }>, cli: Cli): Promise<number> {
  if (wantsLicenses) {
    cli.print(licenses.trimEnd());
    return 0;
  }
  const facts = { version: VERSION, bun: Bun.version, platform: `${process.platform}-${process.arch}` };
  cli.print(json ? JSON.stringify(facts) : `muster ${VERSION} (bun ${facts.bun}, ${facts.platform})`);
  return 0;
}
