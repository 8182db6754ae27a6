// Counts the active alerts of each organization every minute, from Alertmanager's lists.
import type { Note } from "../../domain.ts";
import { reasonOf } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Alertmanager } from "./upstream/alertmanager.ts";
import { listTenants } from "./labels/identities.ts";
import { isRecord } from "../../values/json/record.ts";
import type { Totals, TotalsQuery } from "./schema.ts";

interface TotalsDeps {
  database: Queryable;
  alertmanager: Alertmanager;
  clock: Clock;
  warn: Note;
}

interface Count {
  organizationId: string;
  active: number;
  critical: number;
  warning: number;
  info: number;
  muted: number;
}

/** Tenants counted at the same time. */
const AT_ONCE = 8;
/** Counts are refreshed every minute; after two that failed they are stale. */
const STALE_MS = 150_000;

/** A tenant that does not answer keeps its last counts, until they are stale. */
export async function refreshTotals({ database, alertmanager, clock, warn }: TotalsDeps): Promise<void> {
  const organizations = await listTenants(database);
  const byTenant = [...Map.groupBy(organizations, (one) => one.tenant)];
  const failed: string[] = [];
  let reason = "";
  for (let at = 0; at < byTenant.length; at += AT_ONCE) {
    const counted = await Promise.all(
      byTenant.slice(at, at + AT_ONCE).map(async ([tenant, owners]) => {
        try {
          return await countTenant(
            alertmanager,
            tenant,
            owners.map((one) => one.id),
          );
        } catch (error) {
          failed.push(tenant);
          reason = reasonOf(error);
          return [];
        }
      }),
    );
    await upsertTotals(database, counted.flat(), clock.now());
  }
  await deleteOtherTotals(
    database,
    organizations.map((one) => one.id),
  );
  if (failed.length > 0) warn("Alerts could not be counted.", { tenants: failed.length, first: failed[0], reason });
}

/** Counts while it reads: a tenant may have tens of thousands of alerts. */
async function countTenant(alertmanager: Alertmanager, tenant: string, owners: readonly string[]): Promise<Count[]> {
  const counts = new Map<string, Count>(
    owners.map((organizationId) => [
      organizationId,
      { organizationId, active: 0, critical: 0, warning: 0, info: 0, muted: 0 },
    ]),
  );
  const query = new URLSearchParams({ active: "true", silenced: "true", inhibited: "true" });
  const keep = (alert: unknown) => {
    const labels = isRecord(alert) && isRecord(alert["labels"]) ? alert["labels"] : {};
    const count = counts.get(String(labels["organization_id"]));
    if (!count || !isRecord(alert)) return false;
    count.active += 1;
    const severity = labels["severity"];
    if (severity === "critical" || severity === "warning" || severity === "info") count[severity] += 1;
    const status = alert["status"];
    if (isRecord(status) && Array.isArray(status["silencedBy"]) && status["silencedBy"].length > 0) count.muted += 1;
    return false;
  };
  await alertmanager.list(tenant, { path: "alerts", isWhole: true, query, keep });
  return [...counts.values()];
}

async function upsertTotals(db: Queryable, counts: readonly Count[], now: Date): Promise<void> {
  if (counts.length === 0) return;
  await db.query(
    `insert into alerts_totals_by_org (organization_id, active, critical, warning, info, muted, updated_at)
     select r."organizationId", r.active, r.critical, r.warning, r.info, r.muted, $2
     from jsonb_to_recordset($1::jsonb)
       r("organizationId" text, active integer, critical integer, warning integer, info integer, muted integer)
     on conflict (organization_id) do update set active = excluded.active, critical = excluded.critical,
       warning = excluded.warning, info = excluded.info, muted = excluded.muted, updated_at = excluded.updated_at`,
    [JSON.stringify(counts), now],
  );
}

async function deleteOtherTotals(db: Queryable, organizationIds: readonly string[]): Promise<void> {
  await db.query(`delete from alerts_totals_by_org where organization_id <> all($1::text[])`, [organizationIds]);
}

/** Ordered by organization, from after `after`. */
export async function listTotals(
  db: Queryable,
  { organization, limit }: Omit<TotalsQuery, "cursor">,
  after: string | undefined,
  now: Date,
): Promise<Totals[]> {
  return db.query(
    `select organization_id, active, critical, warning, info, muted, updated_at, updated_at < $1 as stale
     from alerts_totals_by_org
     where ($2::text is null or organization_id = $2) and ($3::text is null or organization_id > $3)
     order by organization_id limit $4`,
    [new Date(now.getTime() - STALE_MS), organization ?? null, after ?? null, limit],
  );
}
