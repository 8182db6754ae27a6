// Compares the hashes of a system's facts with those before: which were added, which were removed.

interface HashChanges {
  added: number[];
  removed: number[];
}

/** As sets: order and repetition do not count. The usual case, a few values changed in place, needs no sets. */
export function compareHashes(before: Float64Array, now: Float64Array): HashChanges {
  if (before.length !== now.length) return compareSets(before, now);
  const places: number[] = [];
  for (let at = 0; at < now.length; at++) if (before[at] !== now[at]) places.push(at);
  if (places.length > MAX_SCANS) return compareSets(before, now);
  const distinct = (hashes: Float64Array) => [...new Set(places.map((at) => hashes[at] ?? 0))];
  return {
    added: distinct(now).filter((hash) => !before.includes(hash)),
    removed: distinct(before).filter((hash) => !now.includes(hash)),
  };
}

/** So many linear scans cost as much as two sets. */
const MAX_SCANS = 50;

function compareSets(before: Float64Array, now: Float64Array): HashChanges {
  const [were, are] = [new Set(before), new Set(now)];
  return { added: [...are].filter((hash) => !were.has(hash)), removed: [...were].filter((hash) => !are.has(hash)) };
}
