// Resolves events that are old enough, and deletes findings that were resolved long ago.
import type { Queryable } from "../../ports/database.ts";
import { DAY_MS } from "../../values/time.ts";
import { EVENTS } from "./kinds.ts";
import type { Event } from "./kinds.ts";
import { countResolved, deleteResolved, resolveAged } from "./store.ts";

/** Days from the resolution of a finding to its deletion. */
const KEPT_DAYS = 30;
/** Rows of one statement. */
const MAX_ROWS = 1_000;

const daysBefore = (now: Date, days: number) => new Date(now.getTime() - days * DAY_MS);

/** Resolves events that were last seen longer ago than the days of their kind. */
export async function ageEvents(db: Queryable, days: Record<Event, number>, now: Date): Promise<void> {
  for (const kind of EVENTS) {
    const before = daysBefore(now, days[kind]);
    while ((await resolveAged(db, { kind, before, now, limit: MAX_ROWS })) === MAX_ROWS);
  }
}

/** How many `deleteExpired` would delete now. */
export const countExpired = (db: Queryable, now: Date): Promise<number> =>
  countResolved(db, daysBefore(now, KEPT_DAYS));

/** Deletes findings that were resolved long ago; those that an operator accepted stay. Returns how many. */
export async function deleteExpired(db: Queryable, now: Date): Promise<number> {
  let total = 0;
  for (;;) {
    const deleted = await deleteResolved(db, daysBefore(now, KEPT_DAYS), MAX_ROWS);
    total += deleted;
    if (deleted < MAX_ROWS) return total;
  }
}
