// Opens each domain with what it needs: the shared parts, its own settings, and what other domains answer.
import type { Domain, Note } from "../domain.ts";
import type { Policy } from "../domains/compliance/index.ts";
import type { Projection, RulesInForce } from "../domains/inventory/index.ts";
import type { NoteThrottled } from "../http/edge/throttle.ts";
import { openThrottleNotes } from "../http/throttle-notes.ts";
import { openAdmission } from "../jobs/admission.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import type { Database } from "../ports/database.ts";
import type { Limiter } from "../ports/limiter.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { Queue } from "../ports/queue.ts";
import type { Signals } from "../ports/signals.ts";
import * as modules from "./domains.ts";
import type { Config } from "./settings.ts";

/** Given to every domain. */
interface SharedDeps {
  clock: Clock;
  database: Database;
  queue: Queue;
  limiter: Limiter;
  signals: Signals;
  objects: ObjectStore;
  /** Rejects with a 503 while the queue holds more than it may. */
  admit(): Promise<void>;
  note: Note;
  warn: Note;
  noteThrottled: NoteThrottled;
  failuresPerMinute: number;
  maxBodyBytes: number;
  dataDir: string;
  rulesInForce: RulesInForce<Policy>;
  /** No other gateway can be using this database. */
  exclusive: boolean;
  /** This process hears appliances itself. */
  listens: boolean;
}

type Services = "clock" | "database" | "queue" | "limiter" | "signals" | "objects";
interface SharedDepsSource extends Pick<SharedDeps, Services | "rulesInForce" | "exclusive" | "listens"> {
  config: Config;
  log: Log;
}

export function openSharedDeps({ config, log, ...given }: SharedDepsSource): SharedDeps {
  const { clock, queue } = given;
  const { maxBodyBytes } = config.http;
  return {
    ...given,
    admit: openAdmission({ queue, maxPending: config.queue.maxPending }),
    note: log.info,
    warn: log.warn,
    noteThrottled: openThrottleNotes({ clock, note: log.info }),
    failuresPerMinute: config.logins.failuresPerMinute,
    maxBodyBytes,
    dataDir: config.data.directory,
  };
}

type Modules = typeof modules;
type Name = keyof Modules;

/** What domains answer each other, commands and the import. */
export type Apis = {
  readonly [One in Name]: ReturnType<Modules[One]["open"]> extends { api: infer Api } ? Api : undefined;
};

/** Keeps something of each system's newest inventory. */
type Opened = Domain & { api?: unknown; projection?: Projection };

/** Beside the shared parts. `projections` fills up while domains open. */
interface OwnDeps<One extends Name> extends SharedDeps {
  settings: Config[One];
  api: Apis;
  projections: readonly Projection[];
}

/** The compiler's proof that every domain is given what it asks for. */
const openers: { [One in Name]: { open: (deps: OwnDeps<One>) => Opened } } = modules;

interface Assembled {
  api: Apis;
  /** Those that others ask come first: so they start, and they stop in reverse. */
  all: readonly Domain[];
}

/**
 * Opens them by name, but each after those whose api it reads while it opens. Of two that need each other, one must read the
 * other's api later, when it is called.
 */
export function openDomains(shared: SharedDeps, config: Config): Assembled {
  const opened = new Map<string, Opened>();
  const opening: string[] = [];
  const projections: Projection[] = [];
  const api = {} as Apis;

  const open = <One extends Name>(name: One): Opened => {
    const before = opened.get(name);
    if (before) return before;
    if (opening.includes(name)) throw new Error(`Domains need each other to open: ${[...opening, name].join(" → ")}.`);
    opening.push(name);
    const domain = openers[name].open({ ...shared, settings: config[name], api, projections });
    opening.pop();
    opened.set(name, domain);
    if (domain.projection) projections.push(domain.projection);
    return domain;
  };

  const names = Object.keys(modules) as Name[];
  for (const name of names) Object.defineProperty(api, name, { get: () => open(name).api, enumerable: true });
  for (const name of names) open(name);
  return { api, all: [...opened.values()] };
}
