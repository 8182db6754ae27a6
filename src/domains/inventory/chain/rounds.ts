// Splits work on documents into rounds that fit in memory together.

/** Raw bytes of documents that one round may hold; parsed they take about ten times as much. */
export const ROUND_BYTES = 8 * 1024 ** 2;

/** In order; an item that is larger than a whole round gets one of its own. */
export function rounds<Item extends { bytes: number }>(items: readonly Item[]): Item[][] {
  const groups: Item[][] = [];
  let bytes = Infinity;
  for (const item of items) {
    if (bytes + item.bytes > ROUND_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(item);
    bytes += item.bytes;
  }
  return groups;
}
