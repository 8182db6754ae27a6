// Bodies of brackets, posted without a pause with and without credentials, while a neighbour lives on as if nothing was.
import { expect, test } from "bun:test";
import { attackWithNestedBodies } from "../support/attacks/nested-bodies.ts";
import type { NestedReport } from "../support/attacks/nested-bodies.ts";
import { openNeighbourhood } from "../support/neighbourhood.ts";

const ROUNDS = 10;
const ATTACK_BYTES = 60_000_000;
/** Of the gateway's process for a megabyte of it: taking it in, scanning it, refusing it. Ten times what was seen. */
const MOST_CPU_SECONDS_A_MEGABYTE = 0.1;
/** What the neighbour's rounds take. */
const LIVING_CPU_SECONDS = 2;

test.each([
  ["of nobody", false],
  ["of a known system", true],
])(
  "bodies of brackets %s are not felt",
  async (_, isKnown) => {
    await using place = await openNeighbourhood({
      REGISTER_RATE_PER_MINUTE: "100000",
      INVENTORY_RATE_PER_MINUTE: "100000",
      ALERTS_RATE_PER_MINUTE: "100000",
    });
    const { gateway, greedy } = place;
    const report: NestedReport = { sentBytes: 0, answers: {} };
    const lived = await place.besiege(
      (signal) =>
        attackWithNestedBodies({ url: gateway.url, signal, report, ...(isKnown && { authorization: greedy }) }),
      ROUNDS,
      () => report.sentBytes >= ATTACK_BYTES / (isKnown ? 1 : 10),
    );
    expect(Object.keys(report.answers).sort()).toEqual(["400", "413"]);
    expect(Object.keys(lived.answers).sort()).toEqual(["heartbeat 200", "inventory 200"]);
    const megabytes = report.sentBytes / 1_000_000;
    expect(lived.cpuSeconds).toBeLessThan(LIVING_CPU_SECONDS + megabytes * MOST_CPU_SECONDS_A_MEGABYTE);
  },
  120_000,
);
