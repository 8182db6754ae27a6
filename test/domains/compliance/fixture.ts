// Gives tests of findings from inventories a rules file, inventories, the minute's review, and the list of alerts.
import { expect } from "bun:test";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestApp, TestSystem } from "../../support/app.ts";
import { temporaryDirectory } from "../../support/run.ts";

export interface Alert {
  id: string;
  system_key: string;
  alert_type: string;
  cause: string;
  severity: string;
  message: string;
  is_resolved: boolean;
  resolution: string | null;
}

/** A rules file of its own; `write` replaces it as editors and configuration management do. */
export function rulesFile(content: unknown) {
  const directory = temporaryDirectory("rules");
  const path = join(directory, "rules.json");
  const write = (next: unknown, name = "rules.json") => {
    writeFileSync(join(directory, `${name}.new`), typeof next === "string" ? next : JSON.stringify(next));
    renameSync(join(directory, `${name}.new`), join(directory, name));
  };
  write(content);
  return { path, directory, write, env: { INVENTORY_RULES_FILE: path } };
}

export const firewall = (version: string, facts: Record<string, unknown> = {}) => ({
  installation: "nethsecurity",
  facts: { distro: { name: "NethSecurity", version }, kernel_version: "6.6.119", ...facts },
});

export async function post(muster: TestApp, system: TestSystem, document: unknown) {
  const body = JSON.stringify(document);
  const { status } = await muster.request("POST", "/api/systems/inventory", {
    authorization: system.authorization,
    body,
  });
  expect(status).toBe(200);
  await muster.clock.advance(1_000);
  await muster.app.runner.drain();
}

/** The minute's tick, and everything that follows from it. */
export async function review(muster: TestApp) {
  await muster.clock.advance(60_000);
  await muster.app.scheduler.tick("alert-review", muster.clock.now());
  await muster.app.runner.drain();
}

export async function alertsOf(muster: TestApp, query = "open=true&type=version,advisory"): Promise<Alert[]> {
  const { status, body } = await muster.admin<{ alerts: Alert[] }>(
    "GET",
    `/api/admin/inventory/alerts?${query}&limit=1000`,
  );
  expect(status).toBe(200);
  return body.data.alerts;
}

export const causesOf = async (muster: TestApp, query?: string) =>
  (await alertsOf(muster, query)).map((one) => one.cause).sort();

export const advisory = (id: string, fixed: string, product = "nsec") => ({
  id,
  product,
  severity: "critical",
  affected: [{ introduced: "0", fixed }],
});

/** Open or resolved. */
export async function countAlerts(muster: TestApp, cause?: string): Promise<number> {
  const [row] = await muster.database.query<{ count: number }>(
    "select count(*)::integer as count from inventory_alerts where $1::text is null or cause = $1",
    [cause ?? null],
  );
  return row?.count ?? 0;
}

/** Systems whose inventories came earlier: 8.5.0, kernel 6.6, 20 modules. */
export async function insertFleet(muster: TestApp, count: number) {
  const now = muster.clock.now();
  await muster.database.query(
    `with made as (
       insert into systems (id, name, organization_id, system_key, type, version, created_at, registered_at)
       select gen_random_uuid(), 'system ' || n, 'default', 'KEY-' || n, 'nsec', '8.5.0', $2, $2 from generate_series(1, $1) n
       returning id
     )
     insert into system_products (system_id, installed)
     select id, (select jsonb_agg(jsonb_build_array('module/m' || m, 'm' || m, '9.0.0')) from generate_series(1, 20) m)
       || '[["kernel", "", "6.6.119"]]' from made`,
    [count, now],
  );
}
