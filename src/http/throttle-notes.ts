// Logs which networks are throttled: once a minute each, however often they try.
import { openNotes } from "./notes.ts";
import type { NotesOptions } from "./notes.ts";

/** `what` there was too much of. */
export type NoteThrottled = (what: string, network: string) => void;

export function openThrottleNotes(options: Pick<NotesOptions, "clock" | "note">): NoteThrottled {
  const once = openNotes({ ...options, more: "More addresses were throttled than are named." });
  return (what, network) =>
    once(`${what} ${network}`, `An address is throttled: too many ${what}.`, { address: network });
}
