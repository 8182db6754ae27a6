// Declares the settings of systems and their credentials.
import { duration, integer, keyPrefix, setting } from "../../config/setting.ts";
import type { ValuesOf } from "../../config/setting.ts";

export const settings = {
  keyPrefix: setting("SYSTEM_KEY_PREFIX", "First part of new system keys.", "NOC", keyPrefix),
  cacheTtlMs: setting(
    "SYSTEM_AUTH_CACHE_TTL",
    "How long a verified credential is trusted without asking the database.",
    "60s",
    duration(1_000, 600_000),
  ),
  registrationsPerMinute: setting(
    "REGISTER_RATE_PER_MINUTE",
    "Registrations tried per client (an IPv4 address or an IPv6 /64) and minute.",
    "30",
    integer(1, 1_000_000),
  ),
};
export type SystemsSettings = ValuesOf<typeof settings>;
