// Tokens become a tree: the grammar of Go's text/template, with its checks of names, variables and blocks.
import { FUNCTION_NAMES } from "./functions.ts";
import { lex } from "./lex.ts";
import type { Token } from "./lex.ts";
import { readCharacter, readNumber } from "./number.ts";
import { fail } from "./source.ts";

export type Term =
  | { node: "dot" | "nil" }
  | { node: "literal"; value: string | bigint | number | boolean }
  | { node: "field"; names: string[] }
  | { node: "variable"; name: string; names: string[] }
  | { node: "function"; name: string }
  | { node: "pipeline"; pipeline: Pipeline }
  | { node: "chain"; of: Term; names: string[] };

export interface Pipeline {
  declares: string[];
  isAssignment: boolean;
  commands: Term[][];
}

export type Step =
  | { node: "text"; text: string }
  | { node: "action"; pipeline: Pipeline }
  | { node: "if" | "with" | "range"; pipeline: Pipeline; body: Step[]; otherwise: Step[] | undefined }
  | { node: "template"; name: string; pipeline: Pipeline | undefined }
  | { node: "break" | "continue" };

export interface Template {
  root: Step[];
  defined: Map<string, Step[]>;
}

/** Blocks and parentheses inside each other: each is a call deeper in here. */
const MAX_NESTING = 200;

type Ending = "end" | "else";
type BlockEnd = { steps: Step[]; ending: Ending | undefined };

export function parse(source: string): Template {
  const tokens = lex(source);
  const defined = new Map<string, Step[]>();
  let at = 0;
  let nesting = 0;
  let rangeDepth = 0;
  let variables: string[] = ["$"];

  const peek = (): Token => tokens[at] ?? { type: "end" };
  const take = (): Token => tokens[at++] ?? { type: "end" };
  const skipSpace = () => {
    while (peek().type === "space") at += 1;
  };
  const isKeyword = (...names: string[]) => {
    const token = peek();
    return token.type === "keyword" && names.includes(token.text);
  };
  const expectRight = (where: string) => {
    skipSpace();
    if (take().type !== "right") fail(`unexpected words in ${where}`);
  };
  const nested = <Result>(work: () => Result): Result => {
    if (++nesting > MAX_NESTING) fail(`blocks and parentheses are nested deeper than ${MAX_NESTING}`);
    const result = work();
    nesting -= 1;
    return result;
  };

  const term = (): Term | undefined => {
    skipSpace();
    const token = peek();
    at += 1;
    switch (token.type) {
      case "identifier":
        if (!FUNCTION_NAMES.has(token.text)) fail(`function ${JSON.stringify(token.text)} is not defined`);
        return { node: "function", name: token.text };
      case "dot":
      case "nil":
        return { node: token.type };
      case "variable":
        if (!variables.includes(token.text)) fail(`variable ${token.text} is not defined`);
        return { node: "variable", name: token.text, names: [] };
      case "field":
        return { node: "field", names: [token.text] };
      case "bool":
        return { node: "literal", value: token.value };
      case "number":
        return { node: "literal", value: token.isCharacter ? readCharacter(token.text) : readNumber(token.text) };
      case "string":
        return { node: "literal", value: token.text };
      case "open":
        return { node: "pipeline", pipeline: nested(() => pipeline("a parenthesis", "close")) };
    }
    at -= 1;
    return undefined;
  };

  const operand = (): Term | undefined => {
    const first = term();
    if (!first || peek().type !== "field") return first;
    const names: string[] = [];
    for (let token = peek(); token.type === "field"; token = peek()) {
      names.push(token.text);
      at += 1;
    }
    if (first.node === "field" || first.node === "variable") return { ...first, names: [...first.names, ...names] };
    if (first.node === "literal" || first.node === "nil" || first.node === "dot") fail("a field follows what has none");
    return { node: "chain", of: first, names };
  };

  const command = (): Term[] => {
    const words: Term[] = [];
    for (;;) {
      const word = operand();
      if (word) words.push(word);
      const token = take();
      if (token.type === "space") continue;
      if (token.type === "right" || token.type === "close") at -= 1;
      else if (token.type !== "pipe") fail("unexpected words in a command");
      break;
    }
    return words.length > 0 ? words : fail("a command is empty");
  };

  const declarations = (context: string): Pick<Pipeline, "declares" | "isAssignment"> => {
    const declares: string[] = [];
    for (;;) {
      skipSpace();
      const token = peek();
      if (token.type !== "variable") return { declares, isAssignment: false };
      const back = at;
      at += 1;
      skipSpace();
      const next = take();
      if (next.type === "assign" || next.type === "declare") {
        declares.push(token.text);
        variables.push(token.text);
        return { declares, isAssignment: next.type === "assign" };
      }
      if (next.type !== "char" || next.text !== ",") {
        at = back;
        return { declares, isAssignment: false };
      }
      declares.push(token.text);
      variables.push(token.text);
      skipSpace();
      if (context !== "range" || declares.length > 1) fail(`too many declarations in ${context}`);
      if (!["variable", "right", "close"].includes(peek().type)) fail("range can only declare variables");
    }
  };

  const pipeline = (context: string, end: "right" | "close"): Pipeline => {
    const declared = declarations(context);
    const commands: Term[][] = [];
    for (;;) {
      skipSpace();
      if (peek().type === end) {
        at += 1;
        break;
      }
      if (!OPERANDS.has(peek().type)) fail(`unexpected words in ${context}`);
      commands.push(command());
    }
    if (commands.length === 0) fail(`a value is missing in ${context}`);
    for (const [first] of commands.slice(1))
      if (first && ["literal", "dot", "nil"].includes(first.node)) fail("a value stands where a function is needed");
    return { ...declared, commands };
  };

  /** Until its end, an else, or the end of all. */
  const block = (): BlockEnd => {
    const steps: Step[] = [];
    for (;;) {
      const token = take();
      if (token.type === "end") return { steps, ending: undefined };
      if (token.type === "text") {
        steps.push({ node: "text", text: token.text });
        continue;
      }
      skipSpace();
      if (isKeyword("end")) {
        at += 1;
        expectRight("end");
        return { steps, ending: "end" };
      }
      if (isKeyword("else")) {
        at += 1;
        skipSpace();
        if (!isKeyword("if", "with")) expectRight("else");
        return { steps, ending: "else" };
      }
      steps.push(action());
    }
  };

  const action = (): Step => {
    const token = peek();
    if (token.type !== "keyword") return { node: "action", pipeline: pipeline("a command", "right") };
    at += 1;
    switch (token.text) {
      case "if":
      case "with":
      case "range":
        return nested(() => control(token.text as "if" | "with" | "range"));
      case "template":
        return call();
      case "block": {
        const name = literal("block");
        const given = pipeline("block", "right");
        define(name, nested(closed));
        return { node: "template", name, pipeline: given };
      }
      case "break":
      case "continue":
        expectRight(token.text);
        if (rangeDepth === 0) fail(`${token.text} stands outside of a range`);
        return { node: token.text };
    }
    return fail(`unexpected ${token.text}`);
  };

  const control = (kind: "if" | "with" | "range"): Step => {
    const declared = variables.length;
    const condition = pipeline(kind, "right");
    rangeDepth += kind === "range" ? 1 : 0;
    const { steps: body, ending } = block();
    rangeDepth -= kind === "range" ? 1 : 0;
    if (ending === undefined) fail(`${kind} has no end`);
    let otherwise: Step[] | undefined;
    if (ending === "else") {
      if (kind !== "range" && isKeyword(kind)) {
        at += 1;
        otherwise = [nested(() => control(kind))];
      } else otherwise = inner();
    }
    variables = variables.slice(0, declared);
    return { node: kind, pipeline: condition, body, otherwise };
  };

  /** A block that must come to its own end. An `else if` that does not fit is found here, as words that nobody took. */
  const inner = (): Step[] => {
    if (isKeyword("if", "with")) fail("unexpected words in else");
    const { steps, ending } = block();
    return ending === "end" ? steps : fail("expected end");
  };

  /** The body of a template of its own, which sees no variables but its own. */
  const closed = (): Step[] => {
    const [outer, outerDepth] = [variables, rangeDepth];
    [variables, rangeDepth] = [["$"], 0];
    const steps = inner();
    [variables, rangeDepth] = [outer, outerDepth];
    return steps;
  };

  const literal = (where: string): string => {
    skipSpace();
    const token = take();
    return token.type === "string" ? token.text : fail(`${where} needs a name`);
  };

  const call = (): Step => {
    const name = literal("template");
    skipSpace();
    if (peek().type !== "right") return { node: "template", name, pipeline: pipeline("template", "right") };
    at += 1;
    return { node: "template", name, pipeline: undefined };
  };

  /** An empty definition never replaces one that is not. */
  const define = (name: string, steps: Step[]) => {
    const known = defined.get(name);
    if (!known || isEmpty(known)) defined.set(name, steps);
    else if (!isEmpty(steps)) fail(`template ${JSON.stringify(name)} is defined twice`);
  };

  const root: Step[] = [];
  for (;;) {
    const token = take();
    if (token.type === "end") break;
    if (token.type === "text") {
      root.push({ node: "text", text: token.text });
      continue;
    }
    skipSpace();
    if (isKeyword("define")) {
      at += 1;
      const name = literal("define");
      expectRight("define");
      define(name, nested(closed));
    } else if (isKeyword("end", "else")) fail("an end without a beginning");
    else root.push(action());
  }
  define("", root);
  return { root, defined };
}

const OPERANDS = new Set(["bool", "number", "dot", "field", "identifier", "nil", "string", "variable", "open"]);

const isEmpty = (steps: Step[]) => steps.every((step) => step.node === "text" && step.text.trim() === "");
