// muster version: what this executable is.
import { version as packaged } from "../../package.json";
import { readArgs } from "./verb.ts";
import type { Verb } from "./verb.ts";

export const VERSION: string = packaged;

export const version: Verb = {
  name: "version",
  summary: "Print the version.",
  usage: "muster version [--json]",
  async run(args, cli) {
    const { json } = readArgs(args, {});
    const facts = { version: VERSION, bun: Bun.version, platform: `${process.platform}-${process.arch}` };
    cli.print(json ? JSON.stringify(facts) : `muster ${VERSION} (bun ${facts.bun}, ${facts.platform})`);
    return 0;
  },
};
