// Logs which networks are throttled: once a minute each, however often they try.
import type { Note } from "../domain.ts";
import type { Clock } from "../ports/clock.ts";

/** `what` there was too much of. */
export type NoteThrottled = (what: string, network: string) => void;

const WINDOW_MS = 60_000;
/** Lines a minute; an attack from thousands of networks is told by its first, and by the number of tries beyond them. */
const MOST_NAMED = 100;

export function openThrottleNotes({ clock, note }: { clock: Clock; note: Note }): NoteThrottled {
  let named = new Set<string>();
  let sinceMs = -Infinity;
  let unnamed = 0;

  return (what, network) => {
    const now = clock.now().getTime();
    if (!(now - sinceMs >= 0 && now - sinceMs < WINDOW_MS)) {
      if (unnamed > 0) note("More addresses were throttled than are named.", { tries: unnamed });
      named = new Set();
      sinceMs = now;
      unnamed = 0;
    }
    const name = `${what} ${network}`;
    if (named.has(name)) return;
    if (named.size >= MOST_NAMED) return void (unnamed += 1);
    named.add(name);
    note(`An address is throttled: too many ${what}.`, { address: network });
  };
}
