// Finds the known word that a mistyped one was meant to be.

/** The nearest of the known words, or undefined when none is near enough to be meant. */
export function closest(word: string, known: Iterable<string>, most = tolerance(word)): string | undefined {
  let found: string | undefined;
  let least = most + 1;
  for (const one of known) {
    if (Math.abs(one.length - word.length) >= least) continue;
    const distance = distanceOf(word.toLowerCase(), one.toLowerCase());
    if (distance < least) [found, least] = [one, distance];
  }
  return found;
}

/** `Did you mean "list"?` with a space before it, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const meant = closest(word, known);
  return meant === undefined ? "" : ` Did you mean ${JSON.stringify(meant)}?`;
}

/** One slip in a short word, two in one of six letters, three at most. */
const tolerance = (word: string) => Math.min(3, Math.max(1, Math.floor(word.length / 3)));
/** Longer words are not compared: the work is the product of both lengths. */
const MAX_LENGTH = 100;

/** Letters put in, left out, replaced, or swapped with their neighbour. */
function distanceOf(one: string, other: string): number {
  if (one.length > MAX_LENGTH || other.length > MAX_LENGTH) return one === other ? 0 : Infinity;
  let before: number[] = [];
  let previous = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current[column] = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (before[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    [before, previous] = [previous, current];
  }
  return previous[other.length] ?? 0;
}
