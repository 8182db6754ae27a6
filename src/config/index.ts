// Reads the settings of all sections from an environment, and names every fault at once.
import { readFileSync } from "node:fs";
import { hideUserinfo, hideUserinfos } from "../values/net/userinfo.ts";
import type { Environment } from "./environment.ts";
import { ConfigError } from "./error.ts";
import { findMisspelt } from "./misspelt.ts";
import type { Misspelt } from "./misspelt.ts";
import { findFaults } from "./rules.ts";
import type { Setting, Settings, ValuesOf } from "./setting.ts";

/** Settings by who they belong to, in the order in which they are documented. */
type Sections = Readonly<Record<string, Settings>>;
export type ConfigOf<All extends Sections> = { readonly [Name in keyof All]: ValuesOf<All[Name]> };

/** Throws a ConfigError that names every fault. */
export function readConfig<All extends Sections>(sections: All, env: Environment): ConfigOf<All> {
  const problems: string[] = [];
  const config = Object.fromEntries(
    Object.entries(sections).map(([name, settings]) => [name, Object.freeze(readSection(settings, env, problems))]),
  );
  problems.push(...findFaults(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config) as ConfigOf<All>;
}

/** Without those that have a fault, which goes to `problems`. */
function readSection(settings: Settings, env: Environment, problems: string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(settings)) {
    try {
      const text = readText(one, env);
      try {
        values[name] = one.parse(text);
      } catch (error) {
        const shown = one.secret ? "a value that is hidden" : JSON.stringify(hideUserinfo(text));
        problems.push(`${one.env} ${(error as Error).message}, got ${shown}.`);
      }
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return values;
}

function readText(one: Setting<unknown>, env: Environment): string {
  const direct = env[one.env]?.trim();
  if (!one.secret) return direct || one.default;
  const file = env[`${one.env}_FILE`];
  if (!file) return direct || one.default;
  if (direct) throw new Error(`${one.env} and ${one.env}_FILE are both set; keep one.`);
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    const reason = (error as Error).message;
    // Whoever put the URL itself there must not read its password in a log.
    throw new Error(hideUserinfos(`${one.env}_FILE names ${JSON.stringify(file)}, which cannot be read: ${reason}.`));
  }
}

export const listSettings = (sections: Sections): Setting<unknown>[] =>
  Object.values(sections).flatMap((settings) => Object.values(settings));

/** The settings in force, as text, with secrets hidden. */
export function describeSettings(sections: Sections, env: Environment) {
  return listSettings(sections).map((one) => {
    const text = readText(one, env);
    return {
      name: one.env,
      value: one.secret && text !== "" ? "(hidden)" : hideUserinfo(text),
      default: one.default,
      set: text !== one.default,
      doc: one.doc,
    };
  });
}

/** Variables that look like settings and are none. */
export function misspeltSettings(sections: Sections, env: Environment): Misspelt[] {
  const all = listSettings(sections);
  return findMisspelt(env, {
    settings: all.map((one) => one.env),
    secrets: all.filter((one) => one.secret).map((one) => one.env),
  });
}
