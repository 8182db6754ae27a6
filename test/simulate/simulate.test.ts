// The simulated fleet: the same for the same seed, and honest about what it changed.
import { describe, expect, test } from "bun:test";
import { compareDocuments } from "../../src/domains/inventory/diff/diff.ts";
import type { JsonObject } from "../../src/values/json/value.ts";
import { makeAppliance, seedOf } from "../../src/simulate/appliances/appliance.ts";
import { latenciesOf } from "../../src/simulate/latency.ts";
import { placeOf } from "../support/fleet.ts";

describe("simulated documents", () => {
  const history = (seed: number, steps: number) => {
    const appliance = makeAppliance(seed);
    return Array.from({ length: steps }, () => JSON.stringify(appliance.next()));
  };

  test("are the same for the same seed, and others for another", () => {
    expect(history(7, 12)).toEqual(history(7, 12));
    expect(history(7, 1)).not.toEqual(history(8, 1));
  });

  test("weigh what real ones weigh", () => {
    const sizes = (kind: "ns8" | "nsec") =>
      Array.from({ length: 40 }, (_, at) => JSON.stringify(makeAppliance(seedOf(3, at), kind).next().document).length);
    const middle = (numbers: number[]) => numbers.sort((left, right) => left - right)[numbers.length >> 1] ?? 0;
    expect(middle(sizes("ns8"))).toBeWithin(30_000, 60_000);
    expect(middle(sizes("nsec"))).toBeWithin(10_000, 18_000);
  });

  test("change exactly where and as they say, over 40 systems and 30 steps", () => {
    const lies: string[] = [];
    let told = 0;
    for (let number = 0; number < 40; number++) {
      const appliance = makeAppliance(seedOf(99, number));
      let previous = appliance.next().document as JsonObject;
      for (let step = 1; step < 30; step++) {
        const snapshot = appliance.next();
        const document = snapshot.document as JsonObject;
        const found = compareDocuments(previous, document).map(
          (change) => `${change.changeType} ${placeOf(change, previous, document)}`,
        );
        const labels = snapshot.changes.map(({ change, place }) => `${change} ${place}`);
        lies.push(...new Set(found).symmetricDifference(new Set(labels)));
        told += labels.length;
        previous = document;
      }
    }
    expect(lies).toEqual([]);
    expect(told).toBeGreaterThan(10_000);
  }, 240_000);
});

test("latencies are told as quantiles", () => {
  const samples = Array.from({ length: 1000 }, (_, at) => at + 1).reverse();
  expect(latenciesOf(samples)).toEqual({ count: 1000, p50_ms: 501, p95_ms: 951, p99_ms: 991, max_ms: 1000 });
  expect(latenciesOf([])).toEqual({ count: 0, p50_ms: 0, p95_ms: 0, p99_ms: 0, max_ms: 0 });
});
