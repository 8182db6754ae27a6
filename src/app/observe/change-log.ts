// Logs each change by an operator, one line each, whether it comes over the API or by a command beside the gateway.
import { randomUUIDv7 } from "bun";
import type { Change } from "../../http/trail.ts";
import type { Log } from "../../log.ts";
import type { Signals } from "../../ports/signals.ts";
import type { Actor } from "../../values/actor.ts";
import { parseJson } from "../../values/json/parse.ts";

export interface ChangeLog {
  write(change: Change): void;
  /**
   * Has every gateway on this database write what a command has done: its own log is read by nobody. Lost when none serves. What
   * was made is the target where the command had none.
   */
  tell(change: Change, made?: unknown): Promise<void>;
  /** Logs what commands tell. The returned function ends it. */
  listen(): Promise<() => void>;
}

const CHANNEL = "operators";
/** A message may arrive by Redis and by PostgreSQL; as many are remembered as can be told twice. */
const REMEMBERED = 100;

interface Line extends Omit<Change, "who"> {
  who: string;
}

export function openChangeLog({ log, signals }: { log: Log; signals: Signals }): ChangeLog {
  const heard: string[] = [];
  const write = ({ who, address, what, target, outcome }: Line) =>
    log.info("A change by an operator.", { who, address, what, target: target === "" ? undefined : target, outcome });

  return {
    write: ({ who, ...change }) => write({ ...change, who: shownActor(who) }),
    tell({ who, target, outcome, ...change }, made) {
      const short = { target: (target || nameOf(made)).slice(0, 200), outcome: outcome.slice(0, 300) };
      const line: Line = { ...change, ...short, who: shownActor(who) };
      return signals.publish(CHANNEL, JSON.stringify({ ...line, message: randomUUIDv7() }));
    },
    listen: () =>
      signals.subscribe(CHANNEL, (text) => {
        const { message, ...change } = parseJson(Buffer.from(text)) as Line & { message: string };
        if (heard.includes(message)) return;
        heard.push(message);
        if (heard.length > REMEMBERED) heard.shift();
        write(change);
      }),
  };
}

const shownActor = ({ kind, name }: Actor) => (kind === "cli" ? `${name} (command line)` : name);

/** The key, id or name of what a command made. */
export function nameOf(made: unknown): string {
  if (typeof made !== "object" || made === null) return "";
  const { system_key, id, name } = made as Partial<Record<"system_key" | "id" | "name", unknown>>;
  return String([system_key, id, name].find((one) => typeof one === "string") ?? "");
}
