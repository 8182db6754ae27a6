// Declares the settings of LinkFailed and SiteUnreachable.
import { duration, integer, setting } from "../../config/setting.ts";
import type { ValuesOf } from "../../config/setting.ts";

export const settings = {
  linkFailedIntervalMs: setting(
    "LINKFAILED_INTERVAL",
    "How often LinkFailed is re-sent for silent systems, in whole minutes.",
    "5m",
    duration(60_000, 3_600_000),
  ),
  sitePercent: setting(
    "SITE_UNREACHABLE_PERCENT",
    "When more than this share of an organization's systems fall silent together, one SiteUnreachable fires for all …",
    "30",
    integer(1, 100),
  ),
  siteMinimum: setting(
    "SITE_UNREACHABLE_MINIMUM",
    "… and at least this many systems are silent.",
    "5",
    integer(2, 1_000_000),
  ),
};
export type ReachabilitySettings = ValuesOf<typeof settings>;
