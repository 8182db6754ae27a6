// Credentials that open nothing, tried without a pause from the neighbour's own address, though its own is looked up each second.
import { expect, test } from "bun:test";
import { startAlertmanager } from "../support/alertmanager.ts";
import {
  inventedSecret,
  tryInventedKeys,
  tryInventedTokens,
  tryWrongHalves,
  tryWrongSecrets,
} from "../support/attacks/logins.ts";
import type { Login } from "../support/attacks/logins.ts";
import { openNeighborhood } from "../support/neighborhood.ts";

const TRIES = 8_000;
/** Of the gateway's process for a try: ten times what was seen. */
const MOST_CPU_MS_A_TRY = 2;
/** What the neighbour's requests take. */
const LIVING_CPU_MS = 4_000;
const AT_ONCE = { from: "127.0.0.1", count: 50, atOnce: 50 };
const LIMIT_MS = 180_000;

test(
  "wrong logins from the neighbour's address are not felt",
  async () => {
    await using alertmanager = await startAlertmanager();
    await using here = await openNeighborhood({ MIMIR_URL: alertmanager.url, SYSTEM_AUTH_CACHE_TTL: "1s" });
    const [attacker] = here.attackers;
    if (!attacker) throw new Error("no attacker");
    const send =
      (path: string, body?: string): Login =>
      (_, authorization) =>
        here.send(undefined, path, body, body === undefined ? { authorization } : {});
    const beat = send("/api/systems/heartbeat");
    const change = send("/api/admin/systems");
    const register = send("/api/systems/register", JSON.stringify({ system_secret: inventedSecret() }));
    const seen: Record<string, number> = {};
    const tries = () => Object.values(seen).reduce((sum, one) => sum + one, 0);
    const count = (answers: Record<number, number>) => {
      for (const [status, times] of Object.entries(answers)) seen[status] = (seen[status] ?? 0) + times;
    };
    const { spentMs } = await here.endure(
      "8,000 wrong logins of five kinds, from the neighbour's address",
      async () => {
        while (tries() < TRIES) {
          count(await tryInventedKeys(beat, AT_ONCE));
          count(await tryWrongSecrets(beat, here.neighbor.system_key, AT_ONCE));
          count(await tryWrongHalves(beat, attacker, AT_ONCE));
          count(await tryInventedTokens(change, AT_ONCE));
          count(await tryInventedKeys(register, AT_ONCE));
        }
        return seen;
      },
    );
    expect(Object.keys(seen).toSorted()).toEqual(["401", "429"]);
    expect(spentMs).toBeLessThan(LIVING_CPU_MS + tries() * MOST_CPU_MS_A_TRY);
    // A minute has ten failures of logins, ten of operators and the registrations; some more may be under way at once.
    expect(seen["401"]).toBeLessThan(3_000);
  },
  LIMIT_MS,
);
