// Bodies that never end, and bodies of brackets, with and without credentials: a neighbour of another organisation is answered as ever.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { attackWithNestedBodies } from "../support/attacks/nested-bodies.ts";
import { attackWithUnfinishedBodies } from "../support/attacks/unfinished-bodies.ts";
import type { UnfinishedBodies } from "../support/attacks/unfinished-bodies.ts";
import { startAlertmanager } from "../support/alertmanager.ts";
import type { TestAlertmanager } from "../support/alertmanager.ts";
import { openNeighborhood } from "../support/neighborhood.ts";
import type { Neighborhood } from "../support/neighborhood.ts";

const LIMIT_MS = 180_000;
const CONNECTIONS = 4_200;
const ATTACK_MS = 8_000;
/** Of the gateway's process for all of it, 4,200 connections and a neighbour; seen were 0.7 to 1.9 s. */
const MOST_CPU_MS = 6_000;
/** 4,200 connections that come at once are taken, read and refused before the neighbour's: a third of a millisecond each. */
const BURST_MS = 4_200 / 3;
const SILENCES = "/collect/api/services/mimir/alertmanager/api/v2/silences";
const REGISTER = "/api/systems/register";

let alertmanager: TestAlertmanager;
let here: Neighborhood;
beforeAll(async () => {
  alertmanager = await startAlertmanager();
  // As many tries as a fleet behind one address may be given.
  const rates = { INVENTORY_RATE_PER_MINUTE: "100000", ALERTS_RATE_PER_MINUTE: "100000" };
  here = await openNeighborhood({ MIMIR_URL: alertmanager.url, REGISTER_RATE_PER_MINUTE: "100000", ...rates });
}, 60_000);
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await alertmanager[Symbol.asyncDispose]();
}, 60_000);

interface Case extends Pick<UnfinishedBodies, "path" | "announcedBytes" | "sentBytes" | "addresses"> {
  isKnown?: boolean;
}

describe("4,200 connections that never finish their bodies are not felt", () => {
  test.each<[string, Case]>([
    ["1 byte of 64 KB each, from one address", { path: REGISTER, announcedBytes: 65_536, sentBytes: 1 }],
    ["1 byte of 8 KB each, from 250 networks", { path: REGISTER, announcedBytes: 8_192, sentBytes: 1, addresses: 250 }],
    [
      "8,000 bytes of 8 KB each, from 250 networks",
      { path: REGISTER, announcedBytes: 8_192, sentBytes: 8_000, addresses: 250 },
    ],
    [
      "1 byte of 64 KB each, of one known system",
      { path: SILENCES, announcedBytes: 65_536, sentBytes: 1, isKnown: true },
    ],
    [
      "60 KB of 64 KB each, of one known system",
      { path: SILENCES, announcedBytes: 65_536, sentBytes: 60_000, isKnown: true },
    ],
  ])(
    "%s",
    async (name, { isKnown = false, ...attack }) => {
      const lines = here.gateway.log().split("\n").length;
      const { spentMs } = await here.endure(
        `4,200 unfinished bodies: ${name}`,
        async () => {
          const signal = AbortSignal.timeout(ATTACK_MS);
          const credentials = isKnown && here.attackers[0] ? { authorization: here.attackers[0].authorization } : {};
          const where = { url: here.gateway.url, connections: CONNECTIONS, signal };
          return (await attackWithUnfinishedBodies({ ...attack, ...where, ...credentials })).answers;
        },
        { behindMs: BURST_MS },
      );
      expect(spentMs).toBeLessThan(MOST_CPU_MS);
      // Told of, but not one by one: at most a hundred a minute, and the attack may lie in two.
      expect(here.gateway.log().split("\n").length - lines).toBeLessThan(210);
    },
    LIMIT_MS,
  );
});

/** Of the gateway's process for a megabyte of brackets: taking it in, scanning it, refusing it. Ten times what was seen. */
const MOST_CPU_MS_A_MEGABYTE = 100;
/** What the neighbour's requests take. */
const LIVING_CPU_MS = 4_000;

test.each([
  ["nobody", false],
  ["a known system", true],
])(
  "bodies of brackets of %s are not felt",
  async (who, isKnown) => {
    let sentBytes = 0;
    const { spentMs } = await here.endure(`bodies of brackets without a pause, of ${who}`, async () => {
      const signal = AbortSignal.timeout(ATTACK_MS);
      const credentials = isKnown && here.attackers[1] ? { authorization: here.attackers[1].authorization } : {};
      const report = await attackWithNestedBodies({ url: here.gateway.url, signal, ...credentials });
      sentBytes = report.sentBytes;
      expect(Object.keys(report.answers).filter((status) => status !== "400" && status !== "413")).toEqual([]);
      return report.answers;
    });
    expect(spentMs).toBeLessThan(LIVING_CPU_MS + (sentBytes / 1_000_000) * MOST_CPU_MS_A_MEGABYTE);
  },
  LIMIT_MS,
);
