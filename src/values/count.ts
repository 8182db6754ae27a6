// Says how many there are of something, in words that are right for one and for many.

/** "1 system", "2 systems"; `many` for a noun that does not just take an s. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
