// Checks findings on serious changes, from the inventory that shows one to the inventory that takes it back.
import { describe, expect, test } from "bun:test";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import { alertsOf, causesOf, firewall, post, review, rulesFile } from "../compliance/fixture.ts";

describe("a serious change", () => {
  const change = "type=change&open=true";
  const openChanges = (muster: TestApp) => causesOf(muster, change);

  test("is one alert a place however often it changes, and is resolved when the value is back", async () => {
    await using muster = await openTestApp();
    const system = await muster.addSystem();
    await post(muster, system, firewall("8.5.0"));
    await post(muster, system, firewall("8.6.0"));
    const [first] = await alertsOf(muster, change);
    expect(first).toMatchObject({ cause: "facts.distro.version", severity: "high" });
    await post(muster, system, firewall("8.7.0"));
    expect(await alertsOf(muster, change)).toMatchObject([{ id: first?.id }]);
    await post(muster, system, firewall("8.5.0"));
    expect(await alertsOf(muster, "type=change")).toMatchObject([{ id: first?.id, resolution: "cause_gone" }]);
  }, 60_000);

  test("that removed something is resolved when it is back, whatever it holds", async () => {
    await using muster = await openTestApp();
    const system = await muster.addSystem();
    const withFeature = (count: number) =>
      firewall("8.5.0", { features: { dpi: { enabled: true }, ha: { enabled: true, count } } });
    await post(muster, system, withFeature(1));
    await post(muster, system, firewall("8.5.0", { features: { dpi: { enabled: true } } }));
    expect(await openChanges(muster)).toEqual(["facts.features.ha"]);
    await post(muster, system, withFeature(2));
    expect(await openChanges(muster)).toEqual([]);
  }, 60_000);

  test("is acknowledged by an operator, or ends by age; a job that comes twice opens nothing again", async () => {
    await using muster = await openTestApp();
    const system = await muster.addSystem();
    await post(muster, system, firewall("8.5.0"));
    await post(muster, system, firewall("8.6.0"));
    const [open] = await alertsOf(muster, change);
    await muster.admin("POST", `/api/admin/inventory/alerts/${open?.id}/resolve`);
    const [record] = await muster.database.query<{ id: string }>(
      "select id from inventory_records order by received_at desc limit 1",
    );
    const again = { queue: "collect:notifications", payload: JSON.stringify({ record_id: record?.id }) };
    await muster.app.queue.push([again, again]);
    await muster.app.runner.drain();
    expect(await openChanges(muster)).toEqual([]);
    await post(muster, system, firewall("8.7.0"));
    expect(await openChanges(muster)).toEqual(["facts.distro.version"]);
    await muster.clock.advance(31 * 86_400_000);
    await review(muster);
    expect(await openChanges(muster)).toEqual([]);
  }, 60_000);

  test("is none where the rules turn it off", async () => {
    const rules = rulesFile({ critical_change: { enabled: false, resolve_after_days: 1 } });
    await using muster = await openTestApp(rules.env);
    const system = await muster.addSystem();
    await post(muster, system, firewall("8.5.0"));
    await post(muster, system, firewall("8.6.0"));
    expect(await openChanges(muster)).toEqual([]);
  }, 60_000);
});
