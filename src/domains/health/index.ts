// Computes the health of systems from what is stored, when an operator asks for it.
import type { DomainWith } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Health } from "../systems/index.ts";
import { CHANGES_DAYS, MAX_CHANGES, score, WINDOW_DAYS } from "./score.ts";
import { findHealthRows } from "./store.ts";
import type { HealthRow } from "./store.ts";

type HealthOf = (systemIds: readonly string[]) => Promise<Map<string, Health>>;

/** One statement, however many systems. */
export function open({ database, clock }: { database: Queryable; clock: Clock }): DomainWith<{ healthOf: HealthOf }> {
  const healthOf: HealthOf = async (systemIds) => {
    const now = clock.now();
    const window = { now, windowDays: WINDOW_DAYS, changesDays: CHANGES_DAYS, maxChanges: MAX_CHANGES };
    const rows = systemIds.length === 0 ? [] : await findHealthRows(database, systemIds, window);
    return new Map(rows.map((row) => [row.systemId, score(inputsOf(row, now))]));
  };
  return { api: { healthOf } };
}

const inputsOf = ({ flips, suspensions, ...row }: HealthRow, now: Date) => ({
  ...row,
  now,
  flips: (flips ?? []).map((ms) => ({
    status: ms > 0 ? ("active" as const) : ("inactive" as const),
    at: new Date(Math.abs(ms)),
  })),
  suspensions: (suspensions ?? []).map(([from, to]) => ({
    from: new Date(from ?? 0),
    to: typeof to === "number" ? new Date(to) : null,
  })),
});
