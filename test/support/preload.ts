// Loaded before every test run: whatever the tests started is gone when the run ends, however it ends.
import { afterAll, setDefaultTimeout } from "bun:test";
import { removeTestDirectory, stopTestServer } from "./postgres.ts";

/** Bun's own 5 s are too few for tests that start servers; a test that times out takes the shared PostgreSQL down with it. */
setDefaultTimeout(30_000);

afterAll(stopTestServer);

// Ends a run by `process.exit`, whose handlers stop PostgreSQL and remove what it kept.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => process.exit(130));
}
process.on("exit", removeTestDirectory);
