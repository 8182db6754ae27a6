// Counts how many of the matched systems hold each value of a path.
import type { Queryable } from "../../ports/database.ts";
import { findHolderPairs } from "./holders.ts";
import * as lookup from "./lookup.ts";
import type { FacetRow } from "./lookup.ts";
import type { Matched } from "./matching.ts";

interface Counted {
  values: FacetRow[];
  /** Number of values, shown or not. */
  different: number;
  /** Number of systems that hold one. */
  holding: number;
}

export async function countFacets(db: Queryable, pathIds: number[], matched: Matched, limit: number): Promise<Counted> {
  const pairs = await findHolderPairs(db, pathIds);
  const counts = new Map<number, number>();
  const holders = new Uint8Array(matched.length);
  let holding = 0;
  for (let at = 0; at < pairs.length; at += 2) {
    const [fact = 0, no = 0] = [pairs[at], pairs[at + 1]];
    if (matched[no] !== 1) continue;
    counts.set(fact, (counts.get(fact) ?? 0) + 1);
    if (holders[no] === 0) holding++;
    holders[no] = 1;
  }
  // At one path a system holds a value once; at several paths it may hold it more than once, and is counted once.
  const once = pathIds.length > 1 ? await countOnce(db, pathIds, pairs, matched, counts) : counts;
  const shown = mostHeld(once);
  const { values, different } = await lookup.sumByValue(db, shown, limit);
  return { values, different: different + once.size - shown.size, holding };
}

/** Where nearly every system has a value of its own, the database is asked for the most common ones only. */
const MAX_SUMMED = 5_000;

function mostHeld(counts: Map<number, number>): Map<number, number> {
  if (counts.size <= MAX_SUMMED) return counts;
  const descending = Int32Array.from(counts.values()).sort().reverse();
  const least = descending[MAX_SUMMED - 1] ?? 0;
  const entries = [...counts];
  const above = entries.filter(([, count]) => count > least);
  const tied = entries.filter(([, count]) => count === least).slice(0, MAX_SUMMED - above.length);
  return new Map([...above, ...tied]);
}

/** Counts the systems that hold a value anywhere; each value stands under one of its facts. */
async function countOnce(
  db: Queryable,
  pathIds: number[],
  pairs: Int32Array,
  matched: Matched,
  counts: Map<number, number>,
): Promise<Map<number, number>> {
  const firstOf = await lookup.findFirstFacts(db, pathIds, [...counts.keys()]);
  const holders = new Map<number, Set<number>>();
  for (let at = 0; at < pairs.length; at += 2) {
    const [fact = 0, no = 0] = [pairs[at], pairs[at + 1]];
    const first = firstOf.get(fact);
    if (first === undefined || matched[no] !== 1) continue;
    const known = holders.get(first);
    if (known) known.add(no);
    else holders.set(first, new Set([no]));
  }
  return new Map([...holders].map(([first, systems]) => [first, systems.size]));
}
