// How ready a system is: rhythm, age and size as a table, and the alerts that come of them.
import { describe, expect, test } from "bun:test";
import { freshnessOf } from "../../../src/domains/backups/upkeep/freshness.ts";
import { openStoringApp, put } from "./fixture.ts";

const HOUR_MS = 3_600_000;
const NOW = new Date("2026-03-01T00:00:00Z");
const at = (hoursAgo: number, size = 100) => ({ size, uploadedAt: new Date(NOW.getTime() - hoursAgo * HOUR_MS) });

describe("freshness", () => {
  test("nothing there", () => {
    expect(freshnessOf([], NOW)).toMatchObject({
      status: "none",
      age_seconds: null,
      rhythm_seconds: null,
      shrunk: false,
    });
  });

  test.each([
    ["one backup of yesterday", [24], "ok"],
    ["one backup of eight days ago", [8 * 24], "stale"],
    ["a nightly one, two nights missed", [71, 95, 119, 143], "ok"],
    ["a nightly one, three nights missed", [73, 97, 121, 145], "stale"],
    ["an hourly one, two missed", [2.9, 4, 5, 6, 7], "ok"],
    ["an hourly one, three missed", [3.1, 4, 5, 6, 7], "stale"],
    ["every few minutes, silent for an hour", [1, 1.1, 1.2, 1.3], "ok"],
    ["weekly with a pause of three weeks once, silent for four", [28 * 24, 35 * 24, 56 * 24, 63 * 24], "ok"],
    ["weekly with a pause of three weeks once, silent for five", [35 * 24, 42 * 24, 63 * 24, 70 * 24], "stale"],
  ] as const)("%s", (_, hours, status) => {
    expect(
      freshnessOf(
        hours.map((one) => at(one)),
        NOW,
      ).status,
    ).toBe(status);
  });

  test.each([
    ["the same size", [100, 100, 100], 0, false],
    ["a first one", [100], null, false],
    ["half as large", [50, 100, 100, 100], -50, true],
    ["a little more than half as large", [51, 100, 100], -49, false],
    ["twice as large", [200, 100], 100, false],
    ["small, after one that was large by mistake", [100, 5000, 101, 99], -1, false],
  ] as const)("%s", (_, sizes, percent, shrunk) => {
    const backups = sizes.map((size, index) => at(index * 24, size));
    expect(freshnessOf(backups, NOW)).toMatchObject({ size_change_percent: percent, shrunk });
  });
});

test("a system that has fallen silent becomes an alert, once, and its next backup resolves it", async () => {
  await using app = await openStoringApp();
  const system = await app.addSystem();
  for (let night = 0; night < 4; night += 1) {
    await put(app, system, "x".repeat(100));
    await app.clock.advance(24 * HOUR_MS);
  }
  const alerts = async (query = "") =>
    (
      await app.admin<{ alerts: { cause: string; resolved_at: string | null }[] }>(
        "GET",
        `/api/admin/backups/alerts${query}`,
      )
    ).body.data.alerts;
  const look = async () => {
    await app.app.scheduler.tick("backup-readiness", app.clock.now());
    await app.app.runner.drain();
  };
  await look();
  expect(await alerts()).toEqual([]);
  await app.clock.advance(49 * HOUR_MS);
  await look();
  await app.clock.advance(HOUR_MS);
  await look();
  expect(await alerts()).toMatchObject([{ cause: "stale", resolved_at: null }]);
  const { body } = await app.admin<{ readiness: { status: string } }>(
    "GET",
    `/api/admin/systems/${system.system_key}/backups`,
  );
  expect(body.data.readiness).toMatchObject({ status: "stale", rhythm_seconds: 86_400 });
  expect(body.data).toMatchObject({ alerts: [{ cause: "stale" }] });

  await put(app, system, "x".repeat(40));
  await app.app.runner.drain();
  expect(await alerts()).toMatchObject([{ cause: "shrunk" }]);
  await app.clock.advance(HOUR_MS);
  await put(app, system, "x".repeat(100));
  await app.app.runner.drain();
  expect(await alerts()).toEqual([]);
  expect(await alerts("?open=false")).toHaveLength(2);
}, 60_000);
