// Resolves the terms of a query to numbers of paths and facts, with a hint where there are none.
import { Failure } from "../../errors.ts";
import type { Queryable } from "../../ports/database.ts";
import { decimalOf } from "../../values/json/decimal.ts";
import { compareValue } from "./language/order.ts";
import type { PathPattern } from "./language/path.ts";
import type { Operand, Operator, Term } from "./language/query.ts";
import type { Holding } from "./holders.ts";
import * as lookup from "./lookup.ts";

/** One term, ready to be looked up. */
export interface Condition extends Holding {
  /** Why no system can meet it, where the query is to blame and not the fleet. */
  hint?: string;
}

const MAX_PATHS = 10_000;
const MAX_VALUES = 100_000;

export async function resolveTerms(db: Queryable, terms: Term[]): Promise<Condition[]> {
  return Promise.all(terms.map((term) => resolveTerm(db, term)));
}

export async function resolvePath(db: Queryable, path: string, pattern: PathPattern, below = false): Promise<number[]> {
  const ids = await lookup.findPaths(db, pattern, below, MAX_PATHS + 1);
  if (ids.length > MAX_PATHS)
    throw new Failure("fleet.too_many_paths", 400, `${path} stands for more than ${MAX_PATHS} paths; name more of it`, {
      data: { path },
    });
  return ids;
}

async function resolveTerm(db: Queryable, term: Term): Promise<Condition> {
  const { path, pattern, operator, operand } = term;
  const isPresence = operator === "exists" || operator === "missing";
  const pathIds = await resolvePath(db, path, pattern, isPresence);
  if (operator === "missing")
    return { pathIds, factIds: null, sense: "none at all", ...(await hintAt(db, path, pathIds)) };
  if (!operand || pathIds.length === 0)
    return { pathIds, factIds: null, sense: "any of them", ...(await hintAt(db, path, pathIds)) };
  if (operator === "=" || operator === "!=") {
    const factIds = await lookup.findFactsByValue(db, pathIds, textsOf(operand));
    const sense = operator === "=" ? "any of them" : "others than them";
    return { pathIds, factIds, sense, ...(factIds.length === 0 && (await hintOfType(db, path, pathIds, operand))) };
  }
  const facts = await lookup.findFacts(db, pathIds, MAX_VALUES + 1);
  if (facts.length > MAX_VALUES)
    throw new Failure("fleet.too_many_values", 400, `${path} has more than ${MAX_VALUES} different values`, {
      data: { path },
    });
  const orders = facts.map(({ id, value }) => ({ id, value, order: compareValue(value, operand.text) }));
  const factIds = orders.filter(({ order }) => holds(order, operator)).map(({ id }) => id);
  const [first] = orders;
  const hint =
    first && orders.every(({ order }) => order === undefined)
      ? `${path} holds nothing that ${operand.text} can be compared with: neither a number nor a version, such as ${first.value}`
      : undefined;
  return { pathIds, factIds, sense: "any of them", ...(hint !== undefined && { hint }) };
}

/** For a path that no inventory has: others that end alike. */
export async function hintAt(db: Queryable, path: string, pathIds: readonly number[]): Promise<{ hint?: string }> {
  if (pathIds.length > 0) return {};
  const [last = path] = path.split(".").slice(-1);
  const alike = (await lookup.listPaths(db, last.replaceAll("[]", ""), undefined, MAX_ALIKE)).map((row) => row.path);
  return { hint: `no inventory has the path ${path}${alike.length > 0 ? `; there is ${alike.join(", ")}` : ""}` };
}

const MAX_ALIKE = 3;

/** For a quoted operand that would be found without its quotes, as a number, true, false or null. */
async function hintOfType(
  db: Queryable,
  path: string,
  pathIds: number[],
  operand: Operand,
): Promise<{ hint?: string }> {
  if (!operand.quoted) return {};
  const others = textsOf({ ...operand, quoted: false }).slice(1);
  if (others.length === 0 || (await lookup.findFactsByValue(db, pathIds, others)).length === 0) return {};
  return { hint: `${path} holds ${operand.text}, not the text "${operand.text}": write it without quotes` };
}

/** JSON texts that the operand may stand for: a word without quotes may also be a number, true, false or null. */
function textsOf({ text, quoted }: Operand): string[] {
  const asText = JSON.stringify(text);
  if (quoted || !/^(?:true|false|null|-?\d[\d.eE+-]*)$/.test(text)) return [asText];
  return [...new Set([asText, text, ...canonicalNumber(text)])];
}

/** Who stores a double writes `1.0` and `1e0` as 1; a number that no double holds keeps its own text. */
const canonicalNumber = (text: string) => {
  const double = String(Number(text));
  return decimalOf(double) === decimalOf(text) ? [double] : [];
};

function holds(order: number | undefined, operator: Operator): boolean {
  if (order === undefined) return false;
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}
