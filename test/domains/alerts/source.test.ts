// Tests that alerts which Muster fires itself enter the outbox in the order of their keys, however many they are.
import { expect, test } from "bun:test";
import { openPositions } from "../../../src/domains/alerts/outbox/positions.ts";
import { markDelivered } from "../../../src/domains/alerts/outbox/store.ts";
import { openSource } from "../../../src/domains/alerts/source.ts";
import { openTestApp } from "../../support/app.ts";
import { seeded } from "../../support/random.ts";

const COUNT = 1_500;
const alerts = Array.from({ length: COUNT }, (_, index) => ({
  subject: `organization:${String(index).padStart(5, "0")}`,
  fingerprint: "SiteUnreachable",
  systemId: null,
  tenant: "t",
  alert: { labels: { a: "b" }, annotations: {}, startsAt: "2026-01-01T00:00:00Z" },
}));

test("alerts of several statements never deadlock with deliveries that lock the same rows", async () => {
  await using app = await openTestApp();
  const { database, clock } = app;
  await database.query(
    `do $$ begin execute format('alter database %I set deadlock_timeout = ''20ms''', current_database()); end $$`,
  );
  const source = openSource({ clock, positions: openPositions(clock) });
  const random = seeded(15);
  const shuffled = () => [...alerts].sort(() => random.int(3) - 1);
  const put = () => database.transaction((tx) => source.put(tx, shuffled()));
  const delivered = alerts.map(({ subject, fingerprint }) => ({ subject, fingerprint, position: "1", alert: "{}" }));
  await put();
  for (let round = 0; round < 10; round += 1)
    await Promise.all([put(), put(), markDelivered(database, [...delivered].reverse()), put()]);
  const rows = await database.query<{ subject: string }>(`select subject from alert_outbox order by position`);
  expect(rows.map((row) => row.subject)).toEqual(alerts.map((one) => one.subject));
}, 120_000);
