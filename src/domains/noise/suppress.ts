// Decides which changes are noise: what a system's organization learned, and what operators pinned, over what the rules said.
import { noisePath } from "./path.ts";
import type { Pin } from "./store.ts";

/** Why a change is not significant: what the rules or a gap in the document say, or what is noise by learning or by a pin. */
export type Suppression = "rule" | "partial" | "learned" | "pinned";

/** What noise needs to know of a change that the rules judged. */
export interface JudgedChange {
  /** JSON Pointer. */
  pointer: string;
  severity: string;
  significant: boolean;
  /** Learned noise may suppress it. */
  suppressible: boolean;
  /** Null for a significant one. */
  suppressedBy: Suppression | null;
}

/** What is known of a system's places, by their paths. */
export interface Known {
  pins: ReadonlyMap<string, Pin>;
  /** Of its organization's learned places, the share of days on which they change. */
  learned: ReadonlyMap<string, number>;
}

export const NOTHING_KNOWN: Known = { pins: new Map(), learned: new Map() };

/** The same changes, with those that are noise suppressed. A part that was not collected stays what it is. */
export function suppress<Change extends JudgedChange>(
  changes: readonly Change[],
  { pins, learned }: Known = NOTHING_KNOWN,
): Change[] {
  if (pins.size === 0 && learned.size === 0) return [...changes];
  return changes.map((change) => {
    const path = noisePath(change.pointer);
    if (path === undefined || change.suppressedBy === "partial") return change;
    const pin = pins.get(path);
    if (pin === "fold") return { ...change, significant: false, suppressedBy: "pinned" };
    if (pin === "show") return { ...change, significant: true, suppressedBy: null };
    if (!learned.has(path) || !change.significant || !mayBeLearned(change)) return change;
    return { ...change, significant: false, suppressedBy: "learned" };
  });
}

/** Never learned, however often they happen: high and critical changes, those that a rule always shows, versions. */
export function mayBeLearned({ pointer, severity, suppressible, suppressedBy }: JudgedChange): boolean {
  if (!suppressible || suppressedBy === "partial" || pointer === "") return false;
  return severity !== "critical" && severity !== "high" && !VERSION.test(pointer);
}

const VERSION = /[/_-](?:version|release|revision)$/i;

export interface NoisePlace {
  /** The place over the whole fleet, for pins; null for the whole document. */
  path: string | null;
  /** Share of days on which it changes in the organization that learned it, to three digits; null where it was not learned. */
  rate: number | null;
}

export function placeOf(pointer: string, { learned }: Known = NOTHING_KNOWN): NoisePlace {
  const path = noisePath(pointer);
  const rate = path === undefined ? undefined : learned.get(path);
  return { path: path ?? null, rate: rate === undefined ? null : Math.round(rate * 1000) / 1000 };
}
