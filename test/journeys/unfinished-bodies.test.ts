// Thousands of bodies that never end, with and without credentials, while a neighbour lives on as if nothing was.
import { describe, expect, test } from "bun:test";
import { attackWithUnfinishedBodies } from "../support/attacks/unfinished-bodies.ts";
import type { AttackReport, UnfinishedBodies } from "../support/attacks/unfinished-bodies.ts";
import { openNeighbourhood } from "../support/neighbourhood.ts";

const CONNECTIONS = 4_200;
/** Of the neighbour, once all connections are there. */
const ROUNDS = 10;
/** Of the gateway's process for all of it; seen were 0.7 to 1.4. */
const MOST_CPU_SECONDS = 5;
const SILENCES = "/collect/api/services/mimir/alertmanager/api/v2/silences";

interface Case extends Pick<UnfinishedBodies, "path" | "announcedBytes" | "sentBytes" | "addresses"> {
  isKnown?: boolean;
}

describe("4,200 connections that never finish their bodies are not felt", () => {
  test.each<[string, Case]>([
    [
      "one byte of 64 KB each, from 250 networks",
      { path: "/api/systems/register", announcedBytes: 65_536, sentBytes: 1, addresses: 250 },
    ],
    [
      "one byte of 8 KB each, from 250 networks",
      { path: "/api/systems/register", announcedBytes: 8_192, sentBytes: 1, addresses: 250 },
    ],
    [
      "all but a few bytes of 8 KB each, from 250 networks",
      { path: "/api/systems/register", announcedBytes: 8_192, sentBytes: 8_000, addresses: 250 },
    ],
    [
      "one byte of 64 KB each, of one known system",
      { path: SILENCES, announcedBytes: 65_536, sentBytes: 1, isKnown: true },
    ],
    [
      "60 of 64 KB each, of one known system",
      { path: SILENCES, announcedBytes: 65_536, sentBytes: 60_000, isKnown: true },
    ],
  ])(
    "%s",
    async (_, { isKnown = false, ...attack }) => {
      // As many tries as a fleet behind one address may be given.
      await using place = await openNeighbourhood({ REGISTER_RATE_PER_MINUTE: "100000" });
      const { gateway, greedy } = place;
      const report: AttackReport = { opened: 0, answers: {} };
      const lived = await place.besiege(
        (signal) =>
          attackWithUnfinishedBodies({
            ...attack,
            url: gateway.url,
            signal,
            connections: CONNECTIONS,
            report,
            ...(isKnown && { authorization: greedy }),
          }),
        ROUNDS,
        () => report.opened >= CONNECTIONS,
      );
      expect(Object.keys(lived.answers).sort()).toEqual(["heartbeat 200", "inventory 200"]);
      // A third of a millisecond a connection, whatever becomes of it, beside what the neighbour's rounds take.
      expect(lived.cpuSeconds).toBeLessThan(MOST_CPU_SECONDS);
      // Told of, but not one by one.
      expect(gateway.log().split("\n").length).toBeLessThan(400);
    },
    120_000,
  );
});
