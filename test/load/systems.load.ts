// The list of systems with the health of each, on a fleet that takes longer to make than everything else: 100,000 systems, their flips and changes.
import { expect, test } from "bun:test";
import { openTestApp } from "../support/app.ts";
import type { TestApp } from "../support/app.ts";
import { backendsOf, cpuSpent } from "../support/cpu.ts";

interface Shown {
  system_key: string;
  health: { score: number | null; reasons: { code: string; points: number; sentence: string }[] };
}

const list = async (muster: TestApp) =>
  (await muster.admin<{ systems: Shown[] }>("GET", "/api/admin/systems?limit=200")).body.data.systems;

test("a page of 200 among 100,000 systems takes one statement and less than 200 ms of CPU", async () => {
  await using muster = await openTestApp();
  const now = muster.clock.now();
  const query = (text: string, values: unknown[] = [now]) => muster.database.query(text, values, { timeoutMs: 60_000 });
  await query(
    `insert into systems (id, name, organization_id, system_key, type, version, status, created_at, registered_at, last_inventory_at)
     select gen_random_uuid(), 'system ' || lpad(n::text, 6, '0'), 'default', 'KEY-' || n, 'nsec', '8.' || n % 7, 'active',
       $1::timestamptz - interval '60 days', $1::timestamptz - interval '60 days', $1::timestamptz - interval '3 hours'
     from generate_series(1, 100000) n`,
  );
  await query(
    `insert into system_status_changes (system_id, status, changed_at)
     select s.id, case when f % 2 = 0 then 'active' else 'inactive' end, $1::timestamptz - f * interval '1 day'
     from systems s cross join generate_series(0, 9) f`,
  );
  await query(
    `insert into inventory_diffs (id, system_id, record_id, previous_record_id, position, pointer, field_path, change_type,
       category, severity, significant, detected_at)
     select gen_random_uuid(), s.id, s.id, s.id, n, '/a', 'a', 'update', 'os', 'low', n % 10 = 0, $1::timestamptz - n * interval '10 minutes'
     from (select id from systems order by name limit 1000) s cross join generate_series(1, 500) n`,
  );
  await query(
    `insert into inventory_alerts (id, system_id, alert_type, cause, message, severity, created_at)
     select gen_random_uuid(), s.id, 'advisory', 'CVE-' || n, 'm', case when n = 1 then 'critical' else 'high' end, $1
     from (select id from systems order by name limit 20000) s cross join generate_series(1, 5) n`,
  );
  await query("analyze systems, system_status_changes, inventory_diffs, inventory_alerts", []);
  await list(muster);
  const pids = [process.pid, ...(await backendsOf(muster.database))];
  const before = cpuSpent(pids);
  for (let round = 0; round < 9; round += 1) {
    const page = await list(muster);
    expect(page).toHaveLength(200);
    expect(page[0]?.health.reasons.map((one) => one.code)).toEqual([
      "reliability",
      "many_changes",
      "critical_alerts",
      "high_alerts",
    ]);
  }
  expect((cpuSpent(pids) - before) / 9).toBeLessThan(200);
}, 300_000);
