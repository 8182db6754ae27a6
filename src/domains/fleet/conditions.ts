// Turns the terms of a query into what the database can look up: numbers of paths and facts.
import { Failure } from "../../errors.ts";
import type { Queryable } from "../../ports/database.ts";
import { compareValue } from "./order.ts";
import type { PathPattern } from "./path.ts";
import type { Operand, Operator, Term } from "./query.ts";
import * as lookup from "./lookup.ts";

/** What a system must, or must not, hold. */
export interface Condition {
  pathIds: number[];
  /** Null for any fact of the paths. */
  factIds: number[] | null;
  /** How `factIds` is meant. */
  sense: "any of them" | "others than them" | "none at all";
}

const MAX_PATHS = 10_000;
const MAX_VALUES = 100_000;

export async function resolveTerms(db: Queryable, terms: Term[]): Promise<Condition[]> {
  return Promise.all(terms.map((term) => resolveTerm(db, term)));
}

/** Undefined paths are none: nobody holds them. */
export async function resolvePath(db: Queryable, path: string, pattern: PathPattern, below = false): Promise<number[]> {
  const ids = await lookup.findPaths(db, pattern, below, MAX_PATHS + 1);
  if (ids.length > MAX_PATHS)
    throw new Failure("fleet.too_many_paths", 400, `${path} stands for more than ${MAX_PATHS} paths; name more of it`, {
      data: { path },
    });
  return ids;
}

async function resolveTerm(db: Queryable, { path, pattern, operator, operand }: Term): Promise<Condition> {
  const isPresence = operator === "exists" || operator === "missing";
  const pathIds = await resolvePath(db, path, pattern, isPresence);
  if (operator === "missing") return { pathIds, factIds: null, sense: "none at all" };
  if (!operand) return { pathIds, factIds: null, sense: "any of them" };
  if (operator === "=" || operator === "!=") {
    const factIds = await lookup.findFactsByValue(db, pathIds, textsOf(operand));
    return { pathIds, factIds, sense: operator === "=" ? "any of them" : "others than them" };
  }
  const facts = await lookup.findFacts(db, pathIds, MAX_VALUES + 1);
  if (facts.length > MAX_VALUES)
    throw new Failure("fleet.too_many_values", 400, `${path} has more than ${MAX_VALUES} different values`, {
      data: { path },
    });
  const factIds = facts
    .filter((fact) => holds(compareValue(fact.value, operand.text), operator))
    .map((fact) => fact.id);
  return { pathIds, factIds, sense: "any of them" };
}

/** JSON texts that the operand may stand for: a word may be meant as text or as number, true, false or null. */
function textsOf({ text, quoted }: Operand): string[] {
  const asText = JSON.stringify(text);
  if (quoted || !/^(?:true|false|null|-?\d[\d.eE+-]*)$/.test(text)) return [asText];
  return [...new Set([asText, text, ...canonicalNumber(text)])];
}

/** `1.0` and `1e0` are written 1 by whoever stores a double. */
const canonicalNumber = (text: string) => {
  const number = Number(text);
  return Number.isFinite(number) ? [String(number)] : [];
};

function holds(order: number | undefined, operator: Operator): boolean {
  if (order === undefined) return false;
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}
