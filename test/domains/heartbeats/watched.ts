// Opens the app with its watch running and its workers stopped, so that a test says when heartbeats are stored and silence is evaluated.
import type { Environment } from "../../../src/config/environment.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import type { TestDatabase } from "../../support/postgres.ts";

export interface WatchedApp extends TestApp {
  /** Time passes while the gateway listens: its watch is renewed all along. */
  watch(ms: number): Promise<void>;
  /** Time has passed before anybody noticed. */
  jump(ms: number): Promise<void>;
  /** What the schedule does every minute; whatever else is due runs too. */
  judge(): Promise<void>;
}

/** Short enough that no renewal of the watch comes late, long enough that ten minutes pass in a second. */
const STEP_MS = 4_000;
let ticks = 0;

/** `startsAfterMs`: how long after the test clock's beginning the gateway starts. */
export async function openWatchedApp(
  env: Environment = {},
  existing?: Pick<TestDatabase, "url" | "database">,
  startsAfterMs = 0,
): Promise<WatchedApp> {
  const addresses = { LISTEN_ADDRESS: "127.0.0.1:0", HEALTH_LISTEN_ADDRESS: "127.0.0.1:0" };
  const opened = await openTestApp({ ...addresses, ...env }, existing);
  const { app, clock } = opened;
  await clock.advance(startsAfterMs);
  await app.start();
  app.scheduler.stop();
  await app.runner.stop(0);
  const atRest = clock.pending();

  /** A renewal takes its timer off the clock until the database has answered. */
  const settled = async () => {
    for (let turn = 0; turn < 200 && clock.pending() !== atRest; turn += 1) await Bun.sleep(1);
  };
  return {
    ...opened,
    async watch(ms) {
      for (let left = ms; left > 0; left -= STEP_MS) {
        await clock.advance(Math.min(left, STEP_MS));
        await settled();
      }
    },
    jump: (ms) => clock.advance(ms),
    async judge() {
      await app.scheduler.tick("heartbeat-monitor", new Date(clock.now().getTime() + (ticks += 1)));
      await app.runner.drain();
    },
  };
}
