// Fails the first time and passes the second, as a test that is in the way of another does: run by tier.test.ts.
import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

test("is good alone", () => {
  const marker = join(process.env["FLAKY_NOTE"] ?? "", "tried");
  const isFirst = !existsSync(marker);
  writeFileSync(marker, "");
  expect(isFirst).toBe(false);
});

// The runner repeats what failed at the end of a run of more than twenty.
test.each(Array.from({ length: 25 }, (_, at) => at))("is always good: %i", () => {});
