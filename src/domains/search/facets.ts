// Counts how many of the matched systems hold each value of a path.
import type { Queryable } from "../../ports/database.ts";
import { findHolderPairs } from "./holders.ts";
import * as lookup from "./lookup.ts";
import type { FacetRow } from "./lookup.ts";
import type { Matched } from "./matching.ts";

export interface Counted {
  values: FacetRow[];
  /** How many values there are, shown or not. */
  different: number;
  /** How many of the systems hold one. */
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
  // Under one path a system holds a value once; under several it may hold it at many, and counts once.
  const once = pathIds.length > 1 ? await countOnce(db, pathIds, pairs, matched, counts) : counts;
  const shown = mostHeld(once);
  const { values, different } = await lookup.sumByValue(db, shown, limit);
  return { values, different: different + once.size - shown.size, holding };
}

/** Where nearly everybody has a value of his own, the most common ones are all that is asked of the database. */
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

/** For each value, by one of its facts, the systems that hold it anywhere. */
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
