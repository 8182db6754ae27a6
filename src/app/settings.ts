// Puts the settings of plumbing and domains together, and reads them all.
import { environment } from "../config/environment.ts";
import type { Environment } from "../config/environment.ts";
import { data, dump, http, log, logins, processes, queue } from "../config/gateway.ts";
import { describeSettings, listSettings, misspeltSettings, readConfig } from "../config/index.ts";
import type { ConfigOf } from "../config/index.ts";
import { database, objects, redis } from "../config/services.ts";
import type { Settings } from "../config/setting.ts";
import * as domains from "./domains.ts";

type Domains = typeof domains;
type DomainSettings = {
  [Name in keyof Domains]: Domains[Name] extends { settings: infer Own extends Settings } ? Own : Readonly<{}>;
};

/** A domain of the same name would replace a section: the compiler refuses it. */
const plumbing = { data, database, redis, http, logins, objects, dump, queue, processes, log } satisfies {
  [Name in keyof Domains]?: never;
} & Record<string, Settings>;

/** Order of docs/settings.md. Domains that are not named stand between FIRST and LAST. */
const FIRST = [
  "data",
  "database",
  "redis",
  "http",
  "heartbeats",
  "systems",
  "logins",
  "inventory",
  "objects",
  "backups",
  "alerts",
  "reachability",
];
const LAST = ["dump", "queue", "queues", "processes", "log"];

const sections = inOrder({
  ...plumbing,
  ...(Object.fromEntries(
    Object.entries(domains).map(([name, domain]) => [name, "settings" in domain ? domain.settings : {}]),
  ) as DomainSettings),
});

export type Config = ConfigOf<typeof sections>;

/** Of all sections, in the order in which they are documented. */
export const allSettings = listSettings(sections);

/** Reads the environment whole, or throws a ConfigError that names every fault. */
export const parseConfig = (env: Environment = environment()): Config => readConfig(sections, env);

/** The settings in force, as text, with secrets hidden: for `muster config`. */
export const describeConfig = (env: Environment = environment()) => describeSettings(sections, env);

/** Variables that look like settings and are none. */
export const findMisspelt = (env: Environment) => misspeltSettings(sections, env);

function inOrder<All extends Record<string, Settings>>(all: All): All {
  const named = [...FIRST, ...LAST];
  const others = Object.keys(all).filter((name) => !named.includes(name));
  return Object.fromEntries([...FIRST, ...others, ...LAST].map((name) => [name, all[name] ?? {}])) as All;
}
