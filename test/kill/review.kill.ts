// Gateways killed while they judge a fleet by new rules: each system has one alert for each cause, and none is missing.
import { expect, test } from "bun:test";
import { advisory, countAlerts, insertFleet, rulesFile } from "../domains/compliance/fixture.ts";
import { openTestApp } from "../support/app.ts";
import { startGateway } from "../support/program.ts";

test("gateways that are killed while they sweep lose no alert and double none", async () => {
  const SYSTEMS = 3_000;
  const names = ["CVE-1", "CVE-2", "CVE-3", "CVE-4"];
  const rules = rulesFile({ advisories: names.map((name) => advisory(name, "8.6.0")) });
  await using muster = await openTestApp();
  await insertFleet(muster, SYSTEMS);
  const reviewSoon = () => muster.app.queue.push([{ queue: "muster:alert-review", payload: "" }]);
  const env = { ...rules.env, DATABASE_URL: muster.databaseUrl, DATA_DIR: rules.directory };
  const gateway = () => startGateway({ env });
  for (let round = 0; round < 3; round += 1) {
    const [one, two] = await Promise.all([gateway(), gateway()]);
    const before = await countAlerts(muster);
    await reviewSoon();
    while ((await countAlerts(muster)) === before) await Bun.sleep(5);
    process.kill(one.pid, "SIGKILL");
    process.kill(two.pid, "SIGKILL");
    await Promise.all([one.stop(), two.stop()]);
    expect(await countAlerts(muster)).toBeLessThan(SYSTEMS * names.length);
  }
  await using last = await gateway();
  await reviewSoon();
  while ((await countAlerts(muster)) < SYSTEMS * names.length) await Bun.sleep(200);
  expect(last.log()).not.toContain("given up");
  expect(await countAlerts(muster)).toBe(SYSTEMS * names.length);
  const [row] = await muster.database.query<{ pairs: number; left: number }>(
    `select count(distinct (system_id, cause))::integer as pairs, (select count(*)::integer from system_products p
       where p.review < (select review from alert_review)) as left
     from inventory_alerts where not is_resolved`,
  );
  expect(row).toEqual({ pairs: SYSTEMS * names.length, left: 0 });
}, 120_000);
