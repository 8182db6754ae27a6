// Finds what the systems of a page hold at the paths of the conditions, which is shown beside each, so that one sees why it was found.
import type { Queryable } from "../../ports/database.ts";
import type { Condition } from "./conditions.ts";
import { findHashes, findHeld } from "./holders.ts";
import { findAskedFacts } from "./lookup.ts";

interface HeldValue {
  path: string;
  /** JSON text. */
  value: string;
}

/** Values of one system in a list. */
const MAX_VALUES = 20;
/** Up to so many facts are searched in the hashes of each system; more are read by path. */
const MAX_ASKED = 5_000;

/** By the numbers of the systems; ordered by path. */
export async function findHeldValues(
  db: Queryable,
  systemNos: number[],
  conditions: Condition[],
): Promise<Map<number, HeldValue[]>> {
  const pathIds: number[] = [];
  const factIds: number[] = [];
  for (const condition of conditions) {
    if (condition.sense === "none at all") continue;
    if (condition.sense === "any of them" && condition.factIds) factIds.push(...condition.factIds);
    else pathIds.push(...condition.pathIds);
  }
  if (systemNos.length === 0 || pathIds.length + factIds.length === 0) return new Map();
  const asked = await findAskedFacts(db, { pathIds, factIds }, MAX_ASKED + 1);
  const held = new Map<number, HeldValue[]>();
  const add = (no: number, { path, value }: HeldValue) => {
    const known = held.get(no);
    if (known) known.push({ path, value });
    else held.set(no, [{ path, value }]);
  };
  if (asked.length > MAX_ASKED) {
    const allPaths = conditions.flatMap((one) => (one.sense === "none at all" ? [] : one.pathIds));
    for (const { no, ...one } of await findHeld(db, systemNos, allPaths)) add(no, one);
  } else {
    const facts = new Map(asked.map((fact) => [fact.hash, fact]));
    for (const [no, hashes] of await findHashes(db, systemNos))
      for (const hash of new Set(hashes)) {
        const fact = facts.get(hash);
        if (fact) add(no, fact);
      }
  }
  for (const [no, values] of held) held.set(no, values.sort(byPath).slice(0, MAX_VALUES));
  return held;
}

const byPath = (left: HeldValue, right: HeldValue) =>
  left.path < right.path ? -1 : left.path > right.path ? 1 : left.value < right.value ? -1 : 1;
