// Defines what a setting is, and the readers of its text: each throws a sentence fragment ("must be …") for a bad value.
import { Cron } from "croner";
import { isIP } from "node:net";
import { resolve } from "node:path";
import type { ListenAddress } from "../values/net/address.ts";
import { DAY_MS } from "../values/time.ts";

export interface Setting<T> {
  /** Name of the environment variable. */
  env: string;
  /** One sentence for docs/settings.md and `muster config`. */
  doc: string;
  /** As one would write it in the environment; empty = unset. */
  default: string;
  /** Hidden in every print; can also come from a file named by `<env>_FILE`. */
  secret?: boolean;
  /** Throws a sentence fragment ("must be …") for a bad value. */
  parse: (text: string) => T;
}

/** Those of one domain or one part of the plumbing, in the order in which they are documented. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;
export type ValuesOf<All extends Settings> = { readonly [Name in keyof All]: ReturnType<All[Name]["parse"]> };

export const setting = <T>(
  env: string,
  doc: string,
  fallback: string,
  parse: (text: string) => T,
  secret = false,
): Setting<T> => ({ env, doc, default: fallback, parse, secret });

export const path = (text: string): string => resolve(text);

export function optional<T>(parse: (text: string) => T): (text: string) => T | undefined {
  return (text) => (text === "" ? undefined : parse(text));
}

export function oneOf<T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new Error(`must be one of ${choices.join(", ")}`);
    return found;
  };
}

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new Error(`must be a whole number from ${min} to ${max}`);
    return value;
  };
}

const SIZE_UNITS: Record<string, number> = { "": 1, B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** `10MB` as the seed means it: powers of 1024. A bare number is bytes. */
export function size(min: number, max: number): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,15})\s*([KMGT]?i?B?)$/i.exec(text);
    const unit =
      match?.[2]
        ?.toUpperCase()
        .replace("I", "")
        .replace(/^([KMGT])$/, "$1B") ?? "";
    const value = Number(match?.[1]) * (SIZE_UNITS[unit] ?? NaN);
    if (!(value >= min && value <= max)) throw new Error(`must be a size such as 10MB, from ${min} to ${max} bytes`);
    return value;
  };
}

const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS };

/** `90s`, `10m`, `1h30m`: milliseconds. */
export function duration(min: number, max: number): (text: string) => number {
  return (text) => {
    let value = /^(\d{1,12}(ms|s|m|h|d))+$/.test(text) ? 0 : NaN;
    for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhd])/g))
      value += Number(count) * (DURATION_UNITS[unit ?? ""] ?? NaN);
    if (!(value >= min && value <= max))
      throw new Error(`must be a duration such as 30s, 10m or 1h30m, from ${min} to ${max} ms`);
    return value;
  };
}

/** `host:port`, `[::1]:port` or `:port` (every interface). Port 0 lets the system choose. */
export function address(text: string): ListenAddress {
  const match = /^(\[[0-9a-fA-F:]+\]|[\w.-]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65535) throw new Error("must be an address such as 127.0.0.1:8081, [::1]:8081 or :8081");
  const hostname = match[1]?.replace(/^\[|\]$/g, "") || "0.0.0.0";
  return { hostname, port };
}

/** Addresses and networks, as a list. */
export function networks(text: string): string {
  for (const entry of text.split(",").map((one) => one.trim())) {
    const [network = "", bits, ...rest] = entry.split("/");
    const most = isIP(network) === 6 ? 128 : 32;
    const isFit = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
    if (isIP(network) === 0 || !isFit || rest.length > 0)
      throw new Error("must be a list of addresses or networks such as 10.0.0.0/8, ::1");
  }
  return text;
}

export function url(...protocols: string[]): (text: string) => string {
  return (text) => {
    const parsed = URL.canParse(text) ? new URL(text) : undefined;
    if (!parsed || !protocols.includes(parsed.protocol))
      throw new Error(`must be a URL that starts with ${protocols.map((p) => `${p}//`).join(" or ")}`);
    return text;
  };
}

export function environmentName(text: string): string {
  if (!/^[\w.-]{1,64}$/.test(text)) throw new Error("must be 1 to 64 letters, digits, dots, dashes or underscores");
  return text;
}

export function longSecret(text: string): string {
  if (text.length < 32) throw new Error("must have at least 32 characters");
  return text;
}

export function yesNo(text: string): boolean {
  return oneOf(["true", "false"] as const)(text.toLowerCase()) === "true";
}

export function cronExpression(text: string): string {
  try {
    if (text.split(/\s+/).length === 5 && new Cron(text, { paused: true, timezone: "UTC" }).nextRun()) return text;
  } catch {
    // Said below, in our words.
  }
  throw new Error("must be a cron expression of five fields such as 30 2 * * *");
}

export function bucketName(text: string): string {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text))
    throw new Error("must be a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens");
  return text;
}

/** A bare host means https. Whether plain http is allowed is decided with the other settings. */
export function s3Endpoint(text: string): string {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  const parsed = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  const isPlain = parsed && !parsed.username && !parsed.password && !parsed.search && !parsed.hash;
  if (!isPlain || parsed.pathname !== "/" || !["http:", "https:"].includes(parsed.protocol))
    throw new Error("must be an https:// URL, or a host, without user, path or query");
  return parsed.origin;
}

/** Keys end up in URLs, shell words and hand-made JSON on appliances. */
export function keyPrefix(text: string): string {
  if (!/^[A-Za-z0-9]{1,16}$/.test(text)) throw new Error("must be 1 to 16 letters or digits");
  return text;
}
