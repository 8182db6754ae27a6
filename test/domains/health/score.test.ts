// Checks the score as a pure function: what each reason takes off, and what has no score.
import { describe, expect, test } from "bun:test";
import { uptime } from "../../../src/domains/health/uptime.ts";
import type { Flip } from "../../../src/domains/health/uptime.ts";
import { score } from "../../../src/domains/health/score.ts";
import type { HealthInputs } from "../../../src/domains/health/score.ts";

const NOW = new Date("2026-03-01T00:00:00Z");
const ago = (days: number) => new Date(NOW.getTime() - days * 86_400_000);
const active = (days: number): Flip => ({ status: "active", at: ago(days) });
const inactive = (days: number): Flip => ({ status: "inactive", at: ago(days) });

const healthy: HealthInputs = {
  now: NOW,
  status: "active",
  registeredAt: ago(100),
  suspendedAt: null,
  lastInventoryAt: ago(0.2),
  flips: [active(99)],
  suspensions: [],
  changes: 0,
  openCritical: 0,
  openHigh: 0,
};
const codesOf = (inputs: Partial<HealthInputs>) =>
  score({ ...healthy, ...inputs }).reasons.map((one) => [one.code, one.points]);

test("a system with nothing against it has 100 and no reasons", () => {
  expect(score(healthy)).toEqual({ score: 100, reasons: [] });
});

const LOSSES: [string, Partial<HealthInputs>, string, number][] = [
  ["heard for half of 30 days", { flips: [active(99), inactive(20), active(5)] }, "reliability", 40],
  ["heard for 90 %", { flips: [active(99), inactive(4), active(1)] }, "reliability", 8],
  ["an hour's outage", { flips: [active(99), inactive(2), active(2 - 1 / 24)] }, "reliability", 1],
  ["silent since an hour", { status: "inactive", flips: [active(99), inactive(1 / 24)] }, "silent", 10],
  ["silent for 30 days", { status: "inactive", flips: [active(99), inactive(40)] }, "silent", 40],
  ["no inventory", { lastInventoryAt: null }, "no_inventory", 20],
  ["an inventory of yesterday", { lastInventoryAt: ago(1) }, "", 0],
  ["an inventory of four days", { lastInventoryAt: ago(4) }, "stale_inventory", 10],
  ["an inventory of a week", { lastInventoryAt: ago(7) }, "stale_inventory", 20],
  ["an inventory of a year", { lastInventoryAt: ago(365) }, "stale_inventory", 20],
  ["ten changes", { changes: 10 }, "", 0],
  ["55 changes", { changes: 55 }, "many_changes", 5],
  ["100 changes or more", { changes: 100 }, "many_changes", 10],
  ["a critical alert", { openCritical: 1 }, "critical_alerts", 15],
  ["three critical alerts", { openCritical: 3 }, "critical_alerts", 30],
  ["two high alerts", { openHigh: 2 }, "high_alerts", 10],
  ["fifty high alerts", { openHigh: 50 }, "high_alerts", 30],
];
test.each(LOSSES)("%s", (_title, inputs, code, points) => {
  expect(codesOf(inputs)).toEqual(points === 0 ? [] : [[code, points]]);
  expect(score({ ...healthy, ...inputs }).score).toBe(100 - points);
});

test("critical and high alerts share their weight, so that a score is never below 0", () => {
  expect(codesOf({ openCritical: 1, openHigh: 50 })).toEqual([
    ["critical_alerts", 15],
    ["high_alerts", 15],
  ]);
  expect(codesOf({ openCritical: 5, openHigh: 50 })).toEqual([["critical_alerts", 30]]);
  const worst = {
    status: "inactive" as const,
    flips: [inactive(90)],
    lastInventoryAt: null,
    changes: 1_000,
    openCritical: 50,
    openHigh: 50,
  };
  expect(score({ ...healthy, ...worst }).score).toBe(0);
});

test("the score is 100 less the points of its reasons, each said in a sentence", () => {
  const { score: points, reasons } = score({
    ...healthy,
    status: "inactive",
    flips: [active(99), inactive(3)],
    lastInventoryAt: ago(3),
    openHigh: 1,
    changes: 20,
  });
  expect(points).toBe(100 - reasons.reduce((sum, one) => sum + one.points, 0));
  expect(reasons.map((one) => one.sentence)).toEqual([
    "Heard for 90 % of the time since 2026-01-30, and silent now.",
    "The last inventory is 3 days old.",
    "20 significant changes in 7 days.",
    "1 open high alert on its inventory.",
  ]);
});

test("what was never heard, or is not registered, has no score but a reason", () => {
  expect(score({ ...healthy, status: "unknown", flips: [] })).toMatchObject({
    score: null,
    reasons: [{ code: "unknown", points: 0 }],
  });
  expect(score({ ...healthy, status: "unknown", registeredAt: null })).toMatchObject({
    score: null,
    reasons: [{ code: "unregistered" }],
  });
});

test("a suspended system is judged as of its suspension", () => {
  const suspended = { suspendedAt: ago(20), suspensions: [{ from: ago(20), to: null }], lastInventoryAt: ago(20.5) };
  expect(score({ ...healthy, ...suspended }).score).toBe(100);
  expect(codesOf({ ...suspended, lastInventoryAt: ago(24) })).toEqual([["stale_inventory", 10]]);
});

describe("the share of time a system was heard", () => {
  const share = (flips: Flip[], from = 30, suspensions: [number, number | null][] = []) =>
    uptime({
      flips,
      from: ago(from),
      to: NOW,
      suspensions: suspensions.map(([start, end]) => ({ from: ago(start), to: end === null ? null : ago(end) })),
    });
  const CASES: [string, number | undefined, number | undefined][] = [
    ["all of it", share([active(40)]), 1],
    ["none of it", share([inactive(40)]), 0],
    ["half of it", share([active(40), inactive(15)]), 0.5],
    ["two thirds in pieces", share([active(30), inactive(20), active(10)]), 2 / 3],
    ["flips that say nothing new", share([active(40), active(20), inactive(15), inactive(5)]), 0.5],
    ["since it registered, late to be heard", share([active(5)], 10), 0.5],
    ["since it registered, heard within the hour", share([active(10 - 1 / 48)], 10), 1],
    ["registered and never heard", share([], 10), 0],
    ["suspended while silent", share([active(40), inactive(20), active(10)], 30, [[20, 10]]), 1],
    ["suspended for a part of the silence", share([active(40), inactive(20), active(10)], 30, [[15, 10]]), 20 / 25],
    ["suspended while heard", share([active(40), inactive(10)], 30, [[30, 20]]), 0.5],
    [
      "suspensions that overlap",
      share([active(40), inactive(20), active(10)], 30, [
        [20, 12],
        [15, 10],
      ]),
      1,
    ],
    ["suspended from before the window", share([active(40), inactive(15)], 30, [[50, 15]]), 0],
    ["suspended all the time", share([active(40)], 30, [[50, null]]), undefined],
    ["no time at all", share([active(40)], 0), undefined],
  ];
  test.each(CASES)("%s", (_title, found, expected) => {
    if (expected === undefined || found === undefined) expect(found).toBe(expected);
    else expect(found).toBeCloseTo(expected, 9);
  });
});
