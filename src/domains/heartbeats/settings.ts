// Declares the settings of heartbeats.
import { integer, setting } from "../../config/setting.ts";
import type { ValuesOf } from "../../config/setting.ts";

export const settings = {
  timeoutMinutes: setting(
    "HEARTBEAT_TIMEOUT_MINUTES",
    "A system is inactive after this long without a heartbeat.",
    "10",
    integer(1, 7 * 24 * 60),
  ),
};
export type HeartbeatsSettings = ValuesOf<typeof settings>;
