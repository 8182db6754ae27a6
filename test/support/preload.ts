// Loaded before every test file: gives tests time, and ends a run that is interrupted as any other, by exit, so that handlers of tests run.
import { plugin } from "bun";

/** Bun's five seconds are little on a machine with thirty other things to do. */
const LIMIT_MS = 60_000;
// Bun begins each file with its own default again. On the file's first line, so that errors name the right ones.
const GIVE_TIME = `import { setDefaultTimeout as $limit } from "bun:test"; $limit(${LIMIT_MS}); `;

plugin({
  name: "time for tests",
  setup: (build) =>
    void build.onLoad({ filter: /\.test\.ts$/ }, async ({ path }) => ({
      contents: GIVE_TIME + (await Bun.file(path).text()),
      loader: "ts",
    })),
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => process.exit(130));
}
