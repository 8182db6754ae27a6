// Declares how long work may wait.
import { duration, setting } from "../../config/setting.ts";
import type { ValuesOf } from "../../config/setting.ts";
import { DAY_MS } from "../../values/time.ts";

export const settings = {
  maxWaitMs: setting(
    "QUEUE_MAX_WAIT",
    "Work that waits longer than this degrades /ready, which names queue and system.",
    "10m",
    duration(1_000, 7 * DAY_MS),
  ),
};
export type QueuesSettings = ValuesOf<typeof settings>;
