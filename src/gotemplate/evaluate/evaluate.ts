// Walks a template's tree, with bounds on steps, depth and text, so that no template blocks the process.
import { plainText } from "./format.ts";
import { PRINTERS, callFunction } from "./functions.ts";
import { MAX_TEXT_BYTES, fail } from "../source.ts";
import { ROOT_VARIABLE } from "../tree.ts";
import type { Pipeline, Step, Template, Term } from "../tree.ts";
import { Byte, StringMap, goTypeOf, isTrue } from "../value.ts";
import type { Value } from "../value.ts";

/** Depth of templates that call each other or themselves. */
const MAX_CALLS = 100;
/** This many bytes given to a function, or made by one, count as one step. */
export const BYTES_PER_STEP = 16;

/** Steps that are left, counted down. The caller may share them among templates. */
export interface Budget {
  steps: number;
}

/** Marks an argument that is not there, unlike one that is nothing. */
const ABSENT = Symbol("absent");
type Final = Value | typeof ABSENT;

class Leave {
  constructor(readonly how: "break" | "continue") {}
}

export function evaluate({ root, defined }: Template, data: StringMap, budget: Budget): string {
  let text = "";
  let calls = 0;
  let variables: { variable: number; value: Value }[] = [];

  const spend = (steps: number) => {
    budget.steps -= steps;
    if (budget.steps < 0) fail("the template takes too many steps");
  };
  /** A function's work is as long as its texts, and as the map where it prints one. */
  const weigh = (value: Value, prints = false): Value => {
    if (typeof value === "string") spend(Math.floor(value.length / BYTES_PER_STEP));
    if (value instanceof StringMap && prints) spend(Math.floor(value.bytes / BYTES_PER_STEP));
    return value;
  };
  const made = (value: Value): Value => {
    if (typeof value === "string" && value.length > MAX_TEXT_BYTES)
      fail(`the template makes more than ${MAX_TEXT_BYTES} bytes`);
    return weigh(value);
  };
  const write = (part: string) => {
    if (text.length + part.length > MAX_TEXT_BYTES) fail(`the template makes more than ${MAX_TEXT_BYTES} bytes`);
    text += part;
  };

  const held = (variable: number) =>
    variables.findLast((one) => one.variable === variable) ?? fail("a variable is not defined");

  /** What is declared inside is gone after. */
  const scoped = (work: () => void) => {
    const depth = variables.length;
    try {
      work();
    } finally {
      variables.length = depth;
    }
  };

  const fieldsOf = (of: Value, names: readonly string[]): Value => {
    let value = of;
    for (const name of names) {
      if (value === undefined) return undefined;
      value = value instanceof StringMap ? value.get(name) : fail(`${goTypeOf(value)} has no field ${name}`);
    }
    return value;
  };

  const refuseArguments = (words: readonly Term[], final: Final) => {
    if (words.length > 1 || final !== ABSENT) fail("an argument is given to what is no function");
  };

  /** A term alone, as an argument. */
  const argument = (dot: Value, term: Term): Value => {
    spend(1);
    switch (term.node) {
      case "nil":
        return undefined;
      case "dot":
        return dot;
      case "literal":
        return term.value;
      case "overflow":
        return fail(`${term.text} overflows int`);
      case "field":
        return fieldsOf(dot, term.names);
      case "variable":
        return fieldsOf(held(term.variable).value, term.names);
      case "function":
        return invoke(dot, term.name, [], ABSENT);
      case "pipeline":
        return run(dot, term.pipeline);
      case "chain":
        return fieldsOf(chained(dot, term), term.names);
    }
  };

  const chained = (dot: Value, { of }: Extract<Term, { node: "chain" }>): Value => argument(dot, of);

  const invoke = (dot: Value, name: string, words: readonly Term[], final: Final): Value => {
    if (name === "and" || name === "or") {
      if (words.length === 0 && final === ABSENT) fail(`wrong number of arguments for ${name}`);
      let value: Value;
      for (const word of words) {
        value = argument(dot, word);
        if (isTrue(value) === (name === "or")) return value;
      }
      return final === ABSENT ? value : final;
    }
    const args = words.map((word) => argument(dot, word));
    if (final !== ABSENT) args.push(final);
    for (const arg of args) weigh(arg, PRINTERS.has(name));
    return made(callFunction(name, args));
  };

  const command = (dot: Value, words: readonly Term[], final: Final): Value => {
    const [first, ...rest] = words;
    if (!first) return fail("a command is empty");
    if (first.node === "function") {
      spend(1);
      return invoke(dot, first.name, rest, final);
    }
    if (first.node === "nil") fail("nil is not a command");
    const value = argument(dot, first);
    // Go looks at the argument of a field only when it finds the field: of nothing it is still nothing.
    const isLost = (first.node === "field" || first.node === "chain") && value === undefined && isNothing(dot, first);
    if (!isLost) refuseArguments(words, final);
    return value;
  };

  const isNothing = (dot: Value, term: Extract<Term, { node: "field" | "chain" }>): boolean =>
    (term.node === "field"
      ? fieldsOf(dot, term.names.slice(0, -1))
      : fieldsOf(chained(dot, term), term.names.slice(0, -1))) === undefined;

  const run = (dot: Value, { declares, isAssignment, commands }: Pipeline): Value => {
    let value: Final = ABSENT;
    for (const words of commands) value = command(dot, words, value);
    const result = value === ABSENT ? undefined : value;
    for (const variable of declares) {
      if (isAssignment) held(variable).value = result;
      else variables.push({ variable, value: result });
    }
    return result;
  };

  const repeat = (dot: Value, step: Extract<Step, { node: "if" | "with" | "range" }>) => {
    const { declares, isAssignment } = step.pipeline;
    const over = run(dot, step.pipeline);
    const depth = variables.length;
    const set = (variable: number, fromTop: number, value: Value) => {
      if (isAssignment) held(variable).value = value;
      else variables[depth - fromTop] = { variable, value };
    };
    let count = 0;
    for (const [key, value] of elementsOf(over, declares.length)) {
      count += 1;
      spend(1);
      const [first, second] = declares;
      if (first !== undefined && second !== undefined) {
        set(first, 2, key);
        set(second, 1, value);
      } else if (first !== undefined) set(first, 1, value);
      try {
        scoped(() => walk(value, step.body));
      } catch (error) {
        if (!(error instanceof Leave)) throw error;
        if (error.how === "break") return;
      }
    }
    if (count === 0 && step.otherwise) walk(dot, step.otherwise);
  };

  const call = (dot: Value, name: string, pipeline: Pipeline | undefined) => {
    const steps = defined.get(name) ?? fail(`template ${JSON.stringify(name)} is not defined`);
    if (++calls > MAX_CALLS) fail(`templates call each other deeper than ${MAX_CALLS}`);
    const given = pipeline ? run(dot, pipeline) : undefined;
    const outer = variables;
    variables = [{ variable: ROOT_VARIABLE, value: given }];
    walk(given, steps);
    variables = outer;
    calls -= 1;
  };

  const walk = (dot: Value, steps: readonly Step[]): void => {
    for (const step of steps) {
      spend(1);
      switch (step.node) {
        case "text":
          write(step.text);
          break;
        case "action": {
          const value = run(dot, step.pipeline);
          if (step.pipeline.declares.length === 0) write(plainText(value));
          break;
        }
        case "if":
        case "with":
          scoped(() => {
            const value = run(dot, step.pipeline);
            if (isTrue(value)) walk(step.node === "with" ? value : dot, step.body);
            else if (step.otherwise) walk(dot, step.otherwise);
          });
          break;
        case "range":
          scoped(() => repeat(dot, step));
          break;
        case "template":
          call(dot, step.name, step.pipeline);
          break;
        default:
          throw new Leave(step.node);
      }
    }
  };

  variables = [{ variable: ROOT_VARIABLE, value: data }];
  walk(data, root);
  return text;
}

function* elementsOf(over: Value, declared: number): Generator<[Value, Value]> {
  if (over === undefined) return;
  if (over instanceof StringMap) yield* over.entries();
  else if (typeof over === "bigint" || over instanceof Byte) {
    if (declared > 1) fail("a number is ranged over by one variable");
    const isByte = over instanceof Byte;
    const end = isByte ? BigInt(over.value) : over;
    for (let at = 0n; at < end; at += 1n) yield [undefined, isByte ? new Byte(Number(at)) : at];
  } else fail(`range over ${goTypeOf(over)}`);
}
