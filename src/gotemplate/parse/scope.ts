// Tracks which variables are declared at each place of a template; names become numbers.
import { fail } from "../source.ts";
import { ROOT_VARIABLE } from "../tree.ts";

export interface Scope {
  numberOf(name: string): number;
  declare(name: string): number;
  has(variable: number): boolean;
  /** What `work` declares is out of sight after it. */
  inside<Result>(work: () => Result): Result;
  /** A template of its own, which sees the data and nothing else. */
  apart<Result>(work: () => Result): Result;
}

/** Declared and in sight at once, since each use looks through them. */
const MAX_VARIABLES = 100;

export function openScope(): Scope {
  const numbers = new Map([["$", ROOT_VARIABLE]]);
  let variables: number[] = [ROOT_VARIABLE];
  const numberOf = (name: string): number => {
    const known = numbers.get(name) ?? numbers.size;
    numbers.set(name, known);
    return known;
  };
  return {
    numberOf,
    declare(name) {
      if (variables.length >= MAX_VARIABLES) fail(`more than ${MAX_VARIABLES} variables are declared at once`);
      variables.push(numberOf(name));
      return numberOf(name);
    },
    has: (variable) => variables.includes(variable),
    inside(work) {
      const declared = variables.length;
      const result = work();
      variables.length = declared;
      return result;
    },
    apart(work) {
      const outer = variables;
      variables = [ROOT_VARIABLE];
      const result = work();
      variables = outer;
      return result;
    },
  };
}
