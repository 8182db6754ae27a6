// Credentials that open nothing, tried without a pause from the neighbour's own address, while the neighbour lives on as if nothing was.
import { expect, test } from "bun:test";
import {
  inventedSecret,
  tryInventedKeys,
  tryInventedTokens,
  tryWrongHalves,
  tryWrongSecrets,
} from "../support/attacks/logins.ts";
import type { Login } from "../support/attacks/logins.ts";
import { openNeighbourhood } from "../support/neighbourhood.ts";

const ROUNDS = 10;
const TRIES = 4_000;
/** Of the gateway's process for a try: ten times what was seen. */
const MOST_CPU_MS_A_TRY = 2;
/** What the neighbour's rounds take. */
const LIVING_CPU_SECONDS = 2;
const AT_ONCE = { from: "127.0.0.1", count: 50, atOnce: 50 };

test("wrong logins from the neighbour's address are not felt, though its credential is looked up each second", async () => {
  await using place = await openNeighbourhood({ SYSTEM_AUTH_CACHE_TTL: "1s" });
  const { gateway, greedy } = place;
  const [system_key = "", system_secret = ""] = Buffer.from(greedy.slice(6), "base64").toString().split(":");
  const send =
    (path: string, body?: string): Login =>
    async (_, authorization) => {
      const headers: Record<string, string> = body === undefined ? { authorization } : {};
      const response = await fetch(gateway.url + path, {
        method: "POST",
        headers,
        ...(body !== undefined && { body }),
      });
      await response.arrayBuffer();
      return response.status;
    };
  const beat = send("/api/systems/heartbeat");
  const change = send("/api/admin/systems");
  const register = send("/api/systems/register", JSON.stringify({ system_secret: inventedSecret() }));
  const seen: Record<string, number> = {};
  const count = (answers: Record<number, number>) => {
    for (const [status, times] of Object.entries(answers)) seen[status] = (seen[status] ?? 0) + times;
  };
  const tries = () => Object.values(seen).reduce((sum, one) => sum + one, 0);
  const lived = await place.besiege(
    async (signal) => {
      while (!signal.aborted) {
        count(await tryInventedKeys(beat, AT_ONCE));
        count(await tryWrongSecrets(beat, system_key, AT_ONCE));
        count(await tryWrongHalves(beat, { system_key, system_secret }, AT_ONCE));
        count(await tryInventedTokens(change, AT_ONCE));
        count(await tryInventedKeys(register, AT_ONCE));
      }
    },
    ROUNDS,
    () => tries() >= TRIES,
  );
  expect(Object.keys(seen).toSorted()).toEqual(["401", "429"]);
  expect(Object.keys(lived.answers).toSorted()).toEqual(["heartbeat 200", "inventory 200"]);
  expect(lived.cpuSeconds).toBeLessThan(LIVING_CPU_SECONDS + (tries() * MOST_CPU_MS_A_TRY) / 1_000);
  // A minute has ten failures of logins, ten of operators and thirty registrations; some more may be under way at once.
  expect(seen["401"]).toBeLessThan(500);
}, 120_000);
