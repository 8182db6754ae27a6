// Draws random numbers that repeat: the same seed makes the same fleet, whatever the machine.

export interface Random {
  /** From 0 to 1, 1 excluded. */
  next(): number;
  /** A whole number, both ends included. */
  between(low: number, high: number): number;
  /** True this often: 0 never, 1 always. */
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  shuffled<Item>(items: readonly Item[]): Item[];
  /** A UUID of version 4. */
  uuid(): string;
}

/** SplitMix32: one number of state, well mixed also for seeds that follow each other. */
export function openRandom(seed: number): Random {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick(items) {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new Error("there is nothing to pick from");
      return item;
    },
    shuffled(items) {
      const copy = [...items];
      for (let at = copy.length - 1; at > 0; at--) {
        const other = between(0, at);
        [copy[at], copy[other]] = [copy[other], copy[at]] as [(typeof copy)[number], (typeof copy)[number]];
      }
      return copy;
    },
    uuid() {
      const hex = (digits: number) =>
        between(0, 16 ** digits - 1)
          .toString(16)
          .padStart(digits, "0");
      return `${hex(8)}-${hex(4)}-4${hex(3)}-${pickVariant(between(0, 3))}${hex(3)}-${hex(6)}${hex(6)}`;
    },
  };
}

const pickVariant = (at: number) => "89ab".charAt(at);
