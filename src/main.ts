// Turns argv into an exit code; the only process.exit.
import { run } from "./cli/run.ts";
import { processTerminal } from "./cli/terminal/terminal.ts";
import { environment } from "./config/environment.ts";

const program = Bun.isStandaloneExecutable ? process.execPath : undefined;

process.exit(await run(process.argv.slice(2), environment(), processTerminal(), { program }));
