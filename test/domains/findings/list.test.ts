// Checks the operators' list of alerts on inventory: filters, pages, what it rejects, and resolving one.
import { describe, expect, test } from "bun:test";
import { openTestApp } from "../../support/app.ts";
import { advisory, alertsOf, causesOf, firewall, post, review, rulesFile } from "../compliance/fixture.ts";
import type { Alert } from "../compliance/fixture.ts";

describe("the list of alerts", () => {
  test("is filtered by severity, type, system and state, page by page, newest first", async () => {
    const rules = rulesFile({
      versions: [{ product: "nsec", minimum: "9.0", severity: "low" }],
      advisories: [advisory("CVE-1", "9.0"), advisory("CVE-2", "8.6.0")],
    });
    await using muster = await openTestApp(rules.env);
    const [one, two] = [await muster.addSystem("one"), await muster.addSystem("two")];
    await review(muster);
    await post(muster, one, firewall("8.5.0"));
    await post(muster, two, firewall("8.7.0"));
    expect(await causesOf(muster, `system=${one.system_key}`)).toEqual(["CVE-1 nsec", "CVE-2 nsec", "nsec"]);
    expect(await causesOf(muster, `system=${two.system_id}`)).toEqual(["CVE-1 nsec", "nsec"]);
    expect(await causesOf(muster, "severity=low")).toEqual(["nsec", "nsec"]);
    expect(await causesOf(muster, "severity=critical&type=advisory")).toHaveLength(3);
    expect(await causesOf(muster, "open=false")).toEqual([]);
    const seen: string[] = [];
    for (let cursor = ""; ;) {
      const { body } = await muster.admin<{ alerts: Alert[]; next_cursor: string | null }>(
        "GET",
        `/api/admin/inventory/alerts?limit=2${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...body.data.alerts.map((alert) => alert.id));
      if (!body.data.next_cursor) break;
      cursor = body.data.next_cursor;
    }
    expect(seen).toEqual((await alertsOf(muster, "")).map((alert) => alert.id));
    expect(new Set(seen).size).toBe(5);
    const overview = await muster.admin("GET", "/api/admin/overview");
    expect(overview.body.data["open_alerts"]).toEqual({ critical: 3, low: 2 });
  }, 60_000);

  test.each([
    ["severity=red", 400],
    ["type=change,fire", 400],
    ["open=maybe", 400],
    ["limit=0", 400],
    ["cursor=x", 400],
    ["color=red", 400],
    ["system=nobody", 404],
  ])(
    "refuses %s with %i",
    async (query, status) => {
      await using muster = await openTestApp();
      expect((await muster.admin("GET", `/api/admin/inventory/alerts?${query}`)).status).toBe(status);
    },
    60_000,
  );

  test("refuses to resolve what is not there, and anybody without a token", async () => {
    await using muster = await openTestApp();
    const path = (id: string) => `/api/admin/inventory/alerts/${id}/resolve`;
    expect((await muster.admin("POST", path("x"))).status).toBe(404);
    expect((await muster.admin("POST", path(Bun.randomUUIDv7()))).status).toBe(404);
    expect((await muster.request("POST", path(Bun.randomUUIDv7()))).status).toBe(401);
    expect((await muster.request("GET", "/api/admin/inventory/alerts")).status).toBe(401);
  }, 60_000);
});
