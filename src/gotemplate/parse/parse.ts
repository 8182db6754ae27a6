// Turns tokens into a tree by the grammar of Go's text/template, with its checks of blocks and definitions.
import { lex } from "./lex.ts";
import { pipelineReader } from "./pipeline.ts";
import { openReader } from "./reader.ts";
import { openScope } from "./scope.ts";
import { fail } from "../source.ts";
import { isEmpty } from "../tree.ts";
import type { Step, Template } from "../tree.ts";

type BlockEnd = { steps: Step[]; ending: "end" | "else" | undefined };

export function parse(source: string): Template {
  const reader = openReader(lex(source));
  const scope = openScope();
  const pipeline = pipelineReader(reader, scope);
  const defined = new Map<string, Step[]>();
  let rangeDepth = 0;

  /** Until its end, an else, or the end of all. */
  const block = (): BlockEnd => {
    const steps: Step[] = [];
    for (;;) {
      const token = reader.take();
      if (token.type === "end") return { steps, ending: undefined };
      if (token.type === "text") {
        steps.push({ node: "text", text: token.text });
        continue;
      }
      reader.skipSpace();
      if (reader.isKeyword("end")) {
        reader.at += 1;
        reader.expectRight("end");
        return { steps, ending: "end" };
      }
      if (reader.isKeyword("else")) {
        reader.at += 1;
        reader.skipSpace();
        if (!reader.isKeyword("if", "with")) reader.expectRight("else");
        return { steps, ending: "else" };
      }
      steps.push(action());
    }
  };

  const action = (): Step => {
    const token = reader.peek();
    if (token.type !== "keyword") return { node: "action", pipeline: pipeline("a command", "right") };
    reader.at += 1;
    switch (token.text) {
      case "if":
      case "with":
      case "range":
        return reader.nested(() => control(token.text as "if" | "with" | "range"));
      case "template":
        return call();
      case "block": {
        const name = literal("block");
        const given = pipeline("block", "right");
        define(name, reader.nested(closed));
        return { node: "template", name, pipeline: given };
      }
      case "break":
      case "continue":
        reader.expectRight(token.text);
        if (rangeDepth === 0) fail(`${token.text} stands outside of a range`);
        return { node: token.text };
    }
    return fail(`unexpected ${token.text}`);
  };

  const control = (kind: "if" | "with" | "range"): Step =>
    scope.inside(() => {
      const condition = pipeline(kind, "right");
      rangeDepth += kind === "range" ? 1 : 0;
      const { steps: body, ending } = block();
      rangeDepth -= kind === "range" ? 1 : 0;
      if (ending === undefined) fail(`${kind} has no end`);
      let otherwise: Step[] | undefined;
      if (ending === "else") {
        if (kind !== "range" && reader.isKeyword(kind)) {
          reader.at += 1;
          otherwise = [reader.nested(() => control(kind))];
        } else otherwise = inner();
      }
      return { node: kind, pipeline: condition, body, otherwise };
    });

  /** A block that must come to its own end. An `else if` that does not fit is found here, as words that are left over. */
  const inner = (): Step[] => {
    if (reader.isKeyword("if", "with")) fail("unexpected words in else");
    const { steps, ending } = block();
    return ending === "end" ? steps : fail("expected end");
  };

  /** The body of a template of its own, which sees no variables but its own. */
  const closed = (): Step[] => {
    const outerDepth = rangeDepth;
    rangeDepth = 0;
    const steps = scope.apart(inner);
    rangeDepth = outerDepth;
    return steps;
  };

  const literal = (where: string): string => {
    reader.skipSpace();
    const token = reader.take();
    return token.type === "string" ? token.text : fail(`${where} needs a name`);
  };

  const call = (): Step => {
    const name = literal("template");
    reader.skipSpace();
    if (reader.peek().type !== "right") return { node: "template", name, pipeline: pipeline("template", "right") };
    reader.at += 1;
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
    const token = reader.take();
    if (token.type === "end") break;
    if (token.type === "text") {
      root.push({ node: "text", text: token.text });
      continue;
    }
    reader.skipSpace();
    if (reader.isKeyword("define")) {
      reader.at += 1;
      const name = literal("define");
      reader.expectRight("define");
      define(name, reader.nested(closed));
    } else if (reader.isKeyword("end", "else")) fail("an end without a beginning");
    else root.push(action());
  }
  define("", root);
  return { root: defined.get("") ?? root, defined };
}
