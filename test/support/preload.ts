// Loaded before every test run: whatever the tests started is gone when the run ends, however it ends.
import { afterAll } from "bun:test";
import { removeTestDirectory, stopTestServer } from "./postgres.ts";

afterAll(stopTestServer);

// Ends a run by `process.exit`, whose handlers stop PostgreSQL and remove what it kept.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => process.exit(130));
}
process.on("exit", removeTestDirectory);
