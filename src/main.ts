// argv in, exit code out: the only process.exit.
import { run } from "./cli/run.ts";
import { environment } from "./config.ts";

process.exit(await run(process.argv.slice(2), environment()));
