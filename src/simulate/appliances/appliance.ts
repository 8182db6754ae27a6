// Simulates one appliance: plausible documents that evolve step by step, the same for the same seed.
import { makeCluster } from "./ns8.ts";
import type { Snapshot } from "./journal.ts";
import { makeFirewall } from "./nsec.ts";
import { openRandom } from "./random.ts";

export type { Label, LabelledChange } from "./journal.ts";
export type { Snapshot };

export type Kind = "ns8" | "nsec";

export interface Appliance {
  kind: Kind;
  /** The next inventory, the first one at first. */
  next(): Snapshot;
}

/** Without a kind, two in three are NS8 clusters. */
export function makeAppliance(seed: number, kind?: Kind): Appliance {
  const random = openRandom(seed);
  const chosen = random.chance(2 / 3) ? "ns8" : "nsec";
  const made = kind ?? chosen;
  return { kind: made, next: made === "ns8" ? makeCluster(random) : makeFirewall(random) };
}

/** Seed of one appliance of a fleet; neighbors have unrelated seeds. */
export const seedOf = (fleetSeed: number, number: number) =>
  Math.imul(fleetSeed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b);
