// Computes uptime, the share of a period in which heartbeats arrived. Time of a suspension does not count.

export interface Flip {
  status: "active" | "inactive";
  at: Date;
}

/** `to` is null while it lasts. */
export interface Period {
  from: Date;
  to: Date | null;
}

interface Observation {
  /** Oldest first. The last one before `from` gives the status at the start of the period. */
  flips: readonly Flip[];
  suspensions: readonly Period[];
  from: Date;
  to: Date;
}

/** A system has this long from its registration to its first heartbeat before silence counts. */
const SETTLING_MS = 3_600_000;

/** From 0 to 1; undefined when no time of the period counts. */
export function uptime({ flips, suspensions, from, to }: Observation): number | undefined {
  const first = flips[0];
  const settled = first && first.at > from && first.at.getTime() - from.getTime() <= SETTLING_MS ? first.at : from;
  const [startMs, endMs] = [settled.getTime(), to.getTime()];
  const breaks = mergePeriods(suspensions, endMs);
  const counted = (fromMs: number, toMs: number) => toMs - fromMs - overlapMs(breaks, fromMs, toMs);
  const observedMs = endMs > startMs ? counted(startMs, endMs) : 0;
  if (observedMs <= 0) return undefined;
  let activeMs = 0;
  for (const [index, { status, at }] of flips.entries()) {
    const fromMs = Math.max(at.getTime(), startMs);
    const toMs = Math.min(flips[index + 1]?.at.getTime() ?? endMs, endMs);
    if (status === "active" && toMs > fromMs) activeMs += counted(fromMs, toMs);
  }
  return Math.min(activeMs / observedMs, 1);
}

type Break = readonly [fromMs: number, toMs: number];

/** In order, without overlaps. */
function mergePeriods(periods: readonly Period[], endMs: number): Break[] {
  const merged: [number, number][] = [];
  const sorted = periods
    .map(({ from, to }): [number, number] => [from.getTime(), to?.getTime() ?? endMs])
    .sort((left, right) => left[0] - right[0]);
  for (const [fromMs, toMs] of sorted) {
    const last = merged.at(-1);
    if (last && fromMs <= last[1]) last[1] = Math.max(last[1], toMs);
    else merged.push([fromMs, toMs]);
  }
  return merged;
}

const overlapMs = (breaks: readonly Break[], fromMs: number, toMs: number) =>
  breaks.reduce((sum, [start, end]) => sum + Math.max(0, Math.min(end, toMs) - Math.max(start, fromMs)), 0);
