// Fills a limiter with keys that nobody ever used before, as a sender with very many addresses would.
import type { Budget, Limiter } from "../../../src/ports/limiter.ts";

export interface InventedKeys {
  /** First part of each key. */
  kind: string;
  count: number;
  budget: Budget;
}

export async function inventKeys(limiter: Limiter, { kind, count, budget }: InventedKeys): Promise<void> {
  const AT_ONCE = 1_000;
  for (let made = 0; made < count; made += AT_ONCE) {
    const keys = Array.from({ length: Math.min(AT_ONCE, count - made) }, () => `${kind}:${crypto.randomUUID()}`);
    await Promise.all(keys.map((key) => limiter.take(key, budget)));
  }
}
