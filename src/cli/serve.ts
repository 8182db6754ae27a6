// muster serve: the gateway itself, until SIGTERM or SIGINT.
import { readArgs } from "./verb.ts";
import type { Verb } from "./verb.ts";

export const serve: Verb = {
  name: "serve",
  summary: "Run the gateway.",
  usage: "muster serve\n\nRuns until SIGTERM or Ctrl-C, then lets requests and jobs in flight finish.",
  async run(args, cli) {
    readArgs(args, {});
    const stopped = cli.untilStopped();
    const app = await cli.openApp("serve");
    try {
      await app.start();
      await stopped;
    } finally {
      await app.stop();
    }
    return 0;
  },
};
