// Commits in groups: callers wait for one flush that carries them all.
import { Failure } from "../errors.ts";

interface BatcherOptions<Item> {
  /** Makes the items durable, all or none. A rejection reaches every caller of this flush, and no other. */
  flush: (items: Item[]) => Promise<void>;
  maxItems?: number;
  /** Flushes as soon as the gathered items hold this many bytes; a single item always fits. */
  maxBytes?: number;
  /** Size of an item; needed with `maxBytes`. */
  bytesOf?: (item: Item) => number;
  /** Limit of items that wait for a flush; beyond it `add` throws a Failure 503. */
  maxWaiting?: number;
  /** Flushes at once: two keep the database busy between answers; more would make the groups smaller. */
  maxFlushes?: number;
}

interface Batcher<Item> {
  /** Resolves when the flush that carried the item did. */
  add(item: Item): Promise<void>;
  /** Flushes waiting items; refuses later adds. */
  close(): Promise<void>;
}

interface Waiting<Item> {
  item: Item;
  bytes: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export function openBatcher<Item>({
  flush,
  maxItems = 1_000,
  maxBytes = Infinity,
  bytesOf = () => 0,
  maxWaiting = 20_000,
  maxFlushes = 2,
}: BatcherOptions<Item>): Batcher<Item> {
  let waiting: Waiting<Item>[] = [];
  const flushes = new Set<Promise<void>>();
  let scheduled = false;
  let closed = false;

  return {
    add(item) {
      if (closed) return Promise.reject(busy("Muster is stopping; try again shortly."));
      if (waiting.length >= maxWaiting)
        return Promise.reject(busy("Too much is waiting to be stored; try again shortly."));
      return new Promise((resolve, reject) => {
        waiting.push({ item, bytes: bytesOf(item), resolve, reject });
        schedule();
      });
    },

    async close() {
      closed = true;
      while (waiting.length > 0 || flushes.size > 0) {
        startFlushes();
        await Promise.race(flushes);
      }
    },
  };

  /** At the end of this turn of the event loop, so that requests read in one turn share a flush. */
  function schedule(): void {
    if (scheduled || flushes.size >= maxFlushes) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      startFlushes();
    });
  }

  function startFlushes(): void {
    while (waiting.length > 0 && flushes.size < maxFlushes) {
      const running: Promise<void> = flushGroup(takeGroup(), flush).finally(() => {
        flushes.delete(running);
        if (waiting.length > 0) schedule();
      });
      flushes.add(running);
    }
  }

  function takeGroup(): Waiting<Item>[] {
    let bytes = 0;
    let count = 0;
    for (const one of waiting.slice(0, maxItems)) {
      bytes += one.bytes;
      if (count > 0 && bytes > maxBytes) break;
      count += 1;
    }
    const group = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return group;
  }
}

async function flushGroup<Item>(group: Waiting<Item>[], flush: (items: Item[]) => Promise<void>): Promise<void> {
  try {
    await flush(group.map((one) => one.item));
    for (const one of group) one.resolve();
  } catch (error) {
    for (const one of group) one.reject(error);
  }
}

const busy = (message: string) => new Failure("ingest.busy", 503, message, { retryAfterSeconds: 1 });
