// Shows on a terminal how far a long command is: done, rate, time left. Prints nothing elsewhere.
import type { Terminal } from "./terminal.ts";

/** What is counted: bytes, or the plural of a noun. */
export type Unit = "bytes" | (string & {});

export interface Progress {
  /** `total` where it is known, or about. */
  at(done: number, total?: number): void;
  /** Takes the line away. */
  end(): void;
}

interface Step {
  /** "Comparing hashes" */
  what: string;
  unit: Unit;
  done: number;
  total?: number | undefined;
  /** Since the first was told. */
  elapsedMs: number;
  /** How many were done by then. */
  begun?: number;
}

/** Every so often: a terminal at the other end of a slow line must not be kept busy. */
const DRAWN_EVERY_MS = 200;
/** Before that a rate is a guess. */
const RATE_AFTER_MS = 1_000;

export function openProgress(
  { what, unit }: Pick<Step, "what" | "unit">,
  { draw, columns }: { draw(line: string): void; columns: number },
  nowMs: () => number = () => performance.now(),
): Progress {
  let startMs: number | undefined;
  let begun = 0;
  let drawnMs = -Infinity;
  return {
    at(done, total) {
      const at = nowMs();
      if (startMs === undefined) [startMs, begun] = [at, done];
      if (at - drawnMs < DRAWN_EVERY_MS) return;
      drawnMs = at;
      draw(describeStep({ what, unit, done, total, elapsedMs: at - startMs, begun }).slice(0, columns - 1));
    },
    end: () => draw(""),
  };
}

export const QUIET: Progress = { at: () => {}, end: () => {} };

/** What clears the line that the cursor is in. */
export const CLEARED = "\r\u001b[K";

/** Draws over the last line of the terminal, which every other line first takes away. */
export function watched(terminal: Terminal): { tell: Terminal["tell"]; draw(line: string): void } {
  let isDrawn = false;
  return {
    tell(text) {
      if (isDrawn) terminal.tell(CLEARED);
      isDrawn = false;
      terminal.tell(text);
    },
    draw(line) {
      if (line === "" && !isDrawn) return;
      terminal.tell(`${CLEARED}${line}`);
      isDrawn = line !== "";
    },
  };
}

/** `Loading: 1.2 GB of 5.0 GB (24 %), 85.0 MB/s, 44 s left` */
export function describeStep({ what, unit, done, total, elapsedMs, begun = 0 }: Step): string {
  const amount = (count: number) => (unit === "bytes" ? bytesOf(count) : Math.round(count).toLocaleString("en"));
  const noun = unit === "bytes" ? "" : ` ${unit}`;
  const known = total !== undefined && total > 0 ? Math.max(total, done) : undefined;
  const share = known === undefined ? "" : ` of ${amount(known)}`;
  const percent = known === undefined ? "" : ` (${Math.floor((100 * done) / known)} %)`;
  const rate = ((done - begun) * 1000) / elapsedMs;
  const parts = [`${what}: ${amount(done)}${share}${noun}${percent}`];
  if (elapsedMs >= RATE_AFTER_MS && rate > 0) {
    parts.push(`${unit === "bytes" || rate >= 10 ? amount(rate) : rate.toFixed(1)}/s`);
    if (known !== undefined && done < known) parts.push(`${durationOf((known - done) / rate)} left`);
  }
  return parts.join(", ");
}

function bytesOf(count: number): string {
  const [unit, size] = count >= 1e9 ? ["GB", 1e9] : count >= 1e6 ? ["MB", 1e6] : ["kB", 1e3];
  return `${(count / size).toFixed(1)} ${unit}`;
}

function durationOf(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
