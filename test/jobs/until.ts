// Waiting for what a test clock does not govern: the database's answers.
import type { TestClock } from "../support/clock.ts";

/** Also on a machine with much else to do; a test that is stuck says at which condition. */
const PATIENCE_MS = 60_000;

/** Polls until it holds; with a clock, each poll also moves time by `stepMs`. */
export async function until(condition: () => boolean | Promise<boolean>, clock?: TestClock, stepMs = 0): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Gave up after ${PATIENCE_MS} ms: ${condition.toString()}`);
    if (clock) await clock.advance(stepMs);
    await Bun.sleep(1);
  }
}
