// Renders Go's text/template: a template and a map of strings in, Go's own text out, or a warning where Go would fail.
//
// Takes: `readData` reads the map once, for any number of templates; `renderTemplate` renders one of them.
// Gives: the bytes that Go 1.26 writes, or a warning of at most 200 characters. It never throws for a template, however broken.
// Bounds, of one template: 10,000 steps, 64 KiB of source, 64 KiB of text, 200 nested blocks, 100 variables, 100 nested calls.
// A step is a node of the tree, a turn of a loop, or 16 bytes that a function reads or makes; a shared `Budget` bounds templates together.
// Leaves out of Go: complex numbers, `%b`, `%x` and `%#` of floating-point numbers, and `%p`; such a template gives a warning.
import { BYTES_PER_STEP, evaluate } from "./evaluate/evaluate.ts";
import type { Budget } from "./evaluate/evaluate.ts";
import { parse } from "./parse/parse.ts";
import { TemplateError, fromBytes, toBytes } from "./source.ts";
import { StringMap } from "./value.ts";

export type { StringMap };

export const MAX_STEPS = 10_000;
const MAX_SOURCE_CHARACTERS = 64 * 1024;

type Rendered = { text: string } | { warning: string };

/** Costs as much as the texts are long. */
export const readData = (texts: Readonly<Record<string, string>>): StringMap =>
  new StringMap(new Map(Object.entries(texts).map(([name, text]) => [toBytes(name), toBytes(text)])));

/** `shared` bounds all templates that it is given with, and is counted down. */
export function renderTemplate(source: string, data: StringMap, shared?: Budget): Rendered {
  const budget = { steps: Math.min(MAX_STEPS, shared?.steps ?? MAX_STEPS) };
  const given = budget.steps;
  try {
    if (source.length > MAX_SOURCE_CHARACTERS)
      return { warning: `the template is longer than ${MAX_SOURCE_CHARACTERS} characters` };
    // Parsing is work too.
    budget.steps -= Math.floor(source.length / BYTES_PER_STEP);
    if (budget.steps < 0) return { warning: "together the templates take too many steps" };
    return { text: fromBytes(evaluate(parse(source.toWellFormed()), data, budget)) };
  } catch (error) {
    if (error instanceof TemplateError) return { warning: error.message };
    throw error;
  } finally {
    if (shared) shared.steps -= given - Math.max(budget.steps, 0);
  }
}
