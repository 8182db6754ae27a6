// Writes help from the table of verbs.
import type { Action, Verb } from "./verb.ts";

export function listVerbs(verbs: readonly Verb[]): string {
  const width = Math.max(...verbs.map(({ name }) => name.length));
  return verbs.map(({ name, summary }) => `  ${name.padEnd(width)} ${summary}`).join("\n");
}

export function describeVerb(verb: Verb): string {
  return `${verb.summary}\n\n${usageOf(verb)}${verb.notes ? `\n\n${verb.notes}` : ""}`;
}

export function usageOf(verb: Verb): string {
  return Object.entries(verb.actions)
    .map(([words, action]) => usageOfAction(verb, words, action))
    .join("\n");
}

export function usageOfAction({ name }: Pick<Verb, "name">, words: string, action: Action): string {
  const parts = ["muster", name, words, ...action.positionals, ...flagsOf(action)].filter((part) => part !== "");
  return `${wrapped(parts)}${action.hint && `\n      ${action.hint}`}`;
}

function flagsOf({ flags, required, short }: Action): string[] {
  const letters = new Map(Object.entries(short).map(([letter, name]) => [name, letter]));
  const parts = Object.entries(flags).map(([name, value]) => {
    const letter = letters.get(name);
    const given = `${letter ? `-${letter}|` : ""}--${name}${value === true ? "" : ` ${typeof value === "string" ? value : value[0]}`}`;
    if (typeof value === "object") return `[${given}]…`;
    return required.includes(name) ? given : `[${given}]`;
  });
  return [...parts, "[--json]"];
}

const WIDTH = 100;

/** Later lines of a long one are indented below its first. */
function wrapped(parts: string[]): string {
  const lines = [""];
  for (const part of parts) {
    const line = lines.at(-1) ?? "";
    if (line.length + part.length >= WIDTH) lines.push(`          ${part}`);
    else lines[lines.length - 1] = line === "" ? part : `${line} ${part}`;
  }
  return lines.join("\n");
}
