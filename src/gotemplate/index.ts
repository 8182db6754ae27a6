// Annotations of alerts as Go's text/template reads them: labels in, text out, and never an exception.
import { BYTES_PER_STEP, evaluate } from "./evaluate/evaluate.ts";
import type { Budget } from "./evaluate/evaluate.ts";
import { parse } from "./parse/parse.ts";
import { TemplateError, fromBytes, toBytes } from "./source.ts";
import { Labels } from "./value.ts";

export type { Labels };

export type { Budget };
/** Of one template: at most 10,000 steps, 64 KiB of text, and as much source. */
export const MAX_STEPS = 10_000;
const MAX_SOURCE_CHARACTERS = 64 * 1024;

export type Rendered = { text: string } | { warning: string };

/** The data of templates, for all of one alert: reading them costs what they are long. */
export const readLabels = (labels: Readonly<Record<string, string>>): Labels =>
  new Labels(new Map(Object.entries(labels).map(([name, text]) => [toBytes(name), toBytes(text)])));

/**
 * Go's own outcome, or a warning in place of Go's error. `shared` is what all templates of one request may take together.
 * Complex numbers, hexadecimal floating point and `%p` are the parts of Go left out: a template that has one is a warning.
 */
export function renderTemplate(source: string, labels: Labels, shared?: Budget): Rendered {
  const budget = { steps: Math.min(MAX_STEPS, shared?.steps ?? MAX_STEPS) };
  const given = budget.steps;
  try {
    if (source.length > MAX_SOURCE_CHARACTERS)
      return { warning: `the template is longer than ${MAX_SOURCE_CHARACTERS} characters` };
    // Reading it is work too.
    budget.steps -= Math.floor(source.length / BYTES_PER_STEP);
    if (budget.steps < 0) return { warning: "the templates of this post take too many steps" };
    return { text: fromBytes(evaluate(parse(source.toWellFormed()), labels, budget)) };
  } catch (error) {
    if (error instanceof TemplateError) return { warning: error.message };
    throw error;
  } finally {
    if (shared) shared.steps -= given - Math.max(budget.steps, 0);
  }
}
