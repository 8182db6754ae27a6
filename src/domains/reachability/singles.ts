// Fires and resolves LinkFailed, one alert for each silent system that no site's alert covers.
import type { Clock } from "../../ports/clock.ts";
import type { Database, Queryable } from "../../ports/database.ts";
import type { AlertSource } from "../alerts/index.ts";
import { labelsOf, linkFailed, resolvedAt } from "./alerts.ts";
import { deleteRecovered, listNew, raiseFailures } from "./store.ts";
import type { EndedFailure } from "./store.ts";

export interface WatchDeps {
  database: Database;
  clock: Clock;
  alerts: AlertSource;
  /** A system without a heartbeat for this long is silent. */
  timeoutMs: number;
  /** Time between two ticks. */
  intervalMs: number;
  /** More than this share of an organization's systems… */
  sitePercent: number;
  /** …and at least this many systems are silent: then they are one site. */
  siteMinimum: number;
}

/** One job's work. */
export interface Run extends WatchDeps {
  /** Tenants with new states in the outbox, which the job's deliveries follow. */
  tenants: Set<string>;
}

/** Systems in one statement. */
export const PAGE = 1_000;

/**
 * Resolves the alerts of systems that are heard again, of the named ones or of all. Returns the organizations where a site's
 * alert covered one of them.
 */
export async function resolveRecovered(run: Run, recovered: readonly string[] | null): Promise<string[]> {
  const ended = await run.database.transaction(async (tx) => {
    const rows = await deleteRecovered(tx, recovered);
    await resolveSingles(run, tx, rows);
    return rows;
  });
  return [...new Set(ended.filter((one) => one.state === "covered").map((one) => one.organization_id))];
}

/** Those that fired; a system without tenant and labels never did. */
export async function resolveSingles(run: Run, tx: Queryable, rows: readonly EndedFailure[]): Promise<void> {
  const now = run.clock.now();
  const resolved = rows.flatMap(({ system_id, tenant, labels, starts_at }) =>
    tenant === null || labels === null
      ? []
      : [linkFailed({ system_id, tenant, labels, starts_at }, run.timeoutMs, resolvedAt(now, starts_at))],
  );
  for (const { tenant } of resolved) run.tenants.add(tenant);
  await run.alerts.put(tx, resolved);
}

/** Gives tenant and labels to silent systems that no site covers: from then on each tick sends their alerts. */
export async function raiseSingles({ database, alerts }: Run): Promise<void> {
  for (;;) {
    const ids = await listNew(database, PAGE);
    if (ids.length === 0) return;
    const identities = await alerts.identifySystems(database, ids);
    const raised = ids.flatMap((systemId) => {
      const identity = identities.get(systemId);
      return identity ? [{ systemId, tenant: identity.tenant, labels: labelsOf("LinkFailed", identity.labels) }] : [];
    });
    await raiseFailures(database, raised);
    // Erased between the two statements: its row is gone with it.
    if (raised.length === 0) return;
  }
}
