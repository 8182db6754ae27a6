// Loaded before every test file: gives tests time, and ends a run that is interrupted as any other, by exit, so that handlers of tests run.
import { setDefaultTimeout } from "bun:test";

// Bun's five seconds are little on a machine with thirty other things to do; without --isolate, a run's first file keeps them.
setDefaultTimeout(60_000);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => process.exit(130));
}
