// Matches systems with conditions: intersects sets of their numbers here, as PostgreSQL is ten times slower at it.
import type { Queryable } from "../../ports/database.ts";
import type { Condition } from "./conditions.ts";
import { findFiltered, findHolders } from "./holders.ts";
import type { Filters } from "./schema.ts";

/** A byte for each number of a system; 1 for one that matches. */
export type Matched = Uint8Array;

export async function matchSystems(db: Queryable, conditions: Condition[], filters: Filters): Promise<Matched> {
  const [wanted, unwanted] = [conditions.filter(isWanted), conditions.filter((one) => !isWanted(one))];
  const isFiltered = Object.keys(filters).length > 0;
  const lists = await Promise.all([
    ...(isFiltered || wanted.length === 0 ? [findFiltered(db, filters)] : []),
    ...wanted.map((one) => findHolders(db, one)),
  ]);
  const matched = lists.map(setOf).reduce(intersection);
  for (const numbers of await Promise.all(unwanted.map((one) => findHolders(db, one))))
    for (const no of numbers) if (no < matched.length) matched[no] = 0;
  return matched;
}

const isWanted = ({ sense }: Condition) => sense !== "none at all";

function setOf(numbers: Int32Array): Matched {
  let largest = 0;
  for (const no of numbers) if (no > largest) largest = no;
  const set = new Uint8Array(largest + 1);
  for (const no of numbers) set[no] = 1;
  return set;
}

function intersection(one: Matched, other: Matched): Matched {
  const [shorter, longer] = one.length <= other.length ? [one, other] : [other, one];
  return shorter.map((isIn, no) => isIn & (longer[no] ?? 0));
}

export function countMatched(matched: Matched): number {
  let count = 0;
  for (const isIn of matched) count += isIn;
  return count;
}

/** The next numbers after one, in order. */
export function pageOf(matched: Matched, after: number, limit: number): number[] {
  const page: number[] = [];
  for (let no = matched.indexOf(1, after + 1); no >= 0 && page.length < limit; no = matched.indexOf(1, no + 1))
    page.push(no);
  return page;
}
