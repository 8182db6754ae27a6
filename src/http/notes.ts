// Logs what may happen thousands of times a second: once a minute each, and how often beyond what was named.
import type { Note } from "../domain.ts";
import type { Clock } from "../ports/clock.ts";

const WINDOW_MS = 60_000;
/** Lines a minute; an attack from thousands of networks is told by its first, and by the number of tries beyond them. */
const MOST_NAMED = 100;

export interface NotesOptions {
  clock: Clock;
  note: Note;
  /** The sentence for what was not named, in the minute before. */
  more: string;
}

/** `key` says what is the same. */
type NoteOnce = (key: string, sentence: string, facts: Parameters<Note>[1]) => void;

export function openNotes({ clock, note, more }: NotesOptions): NoteOnce {
  let named = new Set<string>();
  let sinceMs = -Infinity;
  let unnamed = 0;

  return (key, sentence, facts) => {
    const now = clock.now().getTime();
    if (!(now - sinceMs >= 0 && now - sinceMs < WINDOW_MS)) {
      if (unnamed > 0) note(more, { tries: unnamed });
      named = new Set();
      sinceMs = now;
      unnamed = 0;
    }
    if (named.has(key)) return;
    if (named.size >= MOST_NAMED) return void (unnamed += 1);
    named.add(key);
    note(sentence, facts);
  };
}
