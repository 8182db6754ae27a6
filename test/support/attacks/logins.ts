// Logs in with credentials that open nothing: invented keys, wrong secrets, invented operator tokens.
import { randomBytes, randomUUID } from "node:crypto";
import { basic } from "../app.ts";

/** Sends a request with this Authorization from an address, and returns the status of its answer. */
export type Login = (address: string, authorization: string) => Promise<number>;

export interface Flood {
  /** One for all, or one for each by its number. */
  from: string | ((index: number) => string);
  count: number;
  /** Tries under way at a time. */
  atOnce?: number;
}

/** Keys and secrets of the right shape that no system has. */
export const tryInventedKeys = (login: Login, how: Flood) =>
  flood(login, how, () => basic(inventedKey(), inventedSecret()));

/** Secrets that a real key does not have. */
export const tryWrongSecrets = (login: Login, systemKey: string, how: Flood) =>
  flood(login, how, () => basic(systemKey, inventedSecret()));

/** Second halves that a real key and the real first half of its secret do not have. */
export const tryWrongHalves = (login: Login, system: { system_key: string; system_secret: string }, how: Flood) =>
  flood(login, how, () => basic(system.system_key, withWrongHalf(system.system_secret)));

/** Operator tokens that nobody made. */
export const tryInventedTokens = (login: Login, how: Flood) =>
  flood(login, how, () => `Bearer mst_${randomBytes(24).toString("hex")}`);

export const inventedKey = () => `NOC-${randomUUID().toUpperCase()}`;
export const inventedSecret = () => `my_${randomBytes(10).toString("hex")}.${randomBytes(20).toString("hex")}`;
export const withWrongHalf = (secret: string) => `${secret.split(".")[0]}.${randomBytes(20).toString("hex")}`;

/** How many answers there were of each status. */
async function flood(login: Login, { from, count, atOnce = 1 }: Flood, make: () => string) {
  const counts: Record<number, number> = {};
  for (let sent = 0; sent < count; sent += atOnce) {
    const tries = Array.from({ length: Math.min(atOnce, count - sent) }, (_, index) =>
      login(typeof from === "string" ? from : from(sent + index), make()),
    );
    for (const status of await Promise.all(tries)) counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}
