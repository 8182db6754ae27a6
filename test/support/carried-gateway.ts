// A process that holds a data directory and its PostgreSQL like `muster serve` does, for tests that kill it.
// Arguments: data directory, role. Prints "ready <postgres pid>"; ends cleanly when its stdin closes.
import { openPostgres } from "../../src/adapters/postgres/open.ts";
import { openLog } from "../../src/log.ts";

const [dataDir = "", role = "serve"] = process.argv.slice(2);
const log = openLog({ level: "error", format: "text" });
const opened = await openPostgres({ dataDir, databaseUrl: undefined, role: role === "cli" ? "cli" : "serve", log });
console.log(`ready ${opened.info()?.pid ?? 0}`);
await Bun.stdin.text();
await opened.close();
process.exit(0);
