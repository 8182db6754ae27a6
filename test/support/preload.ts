// Loaded before every test run: a run that is interrupted ends as any other, by exit, so that handlers of tests run.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => process.exit(130));
}
