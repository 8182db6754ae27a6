// Reads declarations, commands joined by bars, and their operands, with the checks that Go makes of names and variables.
import { FUNCTION_NAMES } from "../evaluate/functions.ts";
import type { Token } from "./lex.ts";
import { readCharacter, readNumber } from "../number.ts";
import type { Reader } from "./reader.ts";
import type { Scope } from "./scope.ts";
import { fail } from "../source.ts";
import { VALUES } from "../tree.ts";
import type { Pipeline, Term } from "../tree.ts";

/** Reads one pipeline up to its end; `context` names where it stands. */
type ReadPipeline = (context: string, end: "right" | "close") => Pipeline;

export function pipelineReader(reader: Reader, scope: Scope): ReadPipeline {
  const term = (): Term | undefined => {
    reader.skipSpace();
    const token = reader.peek();
    reader.at += 1;
    switch (token.type) {
      case "identifier":
        if (!FUNCTION_NAMES.has(token.text)) fail(`function ${JSON.stringify(token.text)} is not defined`);
        return { node: "function", name: token.text };
      case "dot":
      case "nil":
        return { node: token.type };
      case "variable":
        if (!scope.has(scope.numberOf(token.text))) fail(`variable ${token.text} is not defined`);
        return { node: "variable", variable: scope.numberOf(token.text), names: [] };
      case "field":
        return { node: "field", names: [token.text] };
      case "bool":
        return { node: "literal", value: token.value };
      case "number":
        return number(token);
      case "string":
        return { node: "literal", value: token.text };
      case "open":
        return { node: "pipeline", pipeline: reader.nested(() => pipeline("a parenthesis", "close")) };
    }
    reader.at -= 1;
    return undefined;
  };

  const operand = (): Term | undefined => {
    const first = term();
    if (!first || reader.peek().type !== "field") return first;
    const names: string[] = [];
    for (let token = reader.peek(); token.type === "field"; token = reader.peek()) {
      names.push(token.text);
      reader.at += 1;
    }
    if (first.node === "field" || first.node === "variable") return { ...first, names: [...first.names, ...names] };
    if (VALUES.has(first.node)) fail("a field follows what has none");
    return { node: "chain", of: first, names };
  };

  const command = (): Term[] => {
    const words: Term[] = [];
    for (;;) {
      const word = operand();
      if (word) words.push(word);
      const token = reader.take();
      if (token.type === "space") continue;
      if (token.type === "right" || token.type === "close") reader.at -= 1;
      else if (token.type !== "pipe") fail("unexpected words in a command");
      break;
    }
    return words.length > 0 ? words : fail("a command is empty");
  };

  const declarations = (context: string): Pick<Pipeline, "declares" | "isAssignment"> => {
    const declares: number[] = [];
    for (;;) {
      reader.skipSpace();
      const token = reader.peek();
      if (token.type !== "variable") return { declares, isAssignment: false };
      const back = reader.at;
      reader.at += 1;
      reader.skipSpace();
      const next = reader.take();
      if (next.type === "assign" || next.type === "declare") {
        declares.push(scope.declare(token.text));
        return { declares, isAssignment: next.type === "assign" };
      }
      if (next.type !== "char" || next.text !== ",") {
        reader.at = back;
        return { declares, isAssignment: false };
      }
      declares.push(scope.declare(token.text));
      reader.skipSpace();
      if (context !== "range" || declares.length > 1) fail(`too many declarations in ${context}`);
      if (!["variable", "right", "close"].includes(reader.peek().type)) fail("range can only declare variables");
    }
  };

  const pipeline = (context: string, end: "right" | "close"): Pipeline => {
    const declared = declarations(context);
    const commands: Term[][] = [];
    for (;;) {
      reader.skipSpace();
      if (reader.peek().type === end) {
        reader.at += 1;
        break;
      }
      if (!OPERANDS.has(reader.peek().type)) fail(`unexpected words in ${context}`);
      commands.push(command());
    }
    if (commands.length === 0) fail(`a value is missing in ${context}`);
    for (const [first] of commands.slice(1))
      if (first && VALUES.has(first.node)) fail("a value stands where a function is needed");
    return { ...declared, commands };
  };

  return pipeline;
}

function number({ text, isCharacter }: Extract<Token, { type: "number" }>): Term {
  const value = isCharacter ? readCharacter(text) : readNumber(text);
  return value === undefined ? { node: "overflow", text } : { node: "literal", value };
}

const OPERANDS = new Set(["bool", "number", "dot", "field", "identifier", "nil", "string", "variable", "open"]);
