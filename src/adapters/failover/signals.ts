// Signals over two carriers at once: a process hears what is said on either, and a message may arrive twice.
import type { Signals } from "../../ports/signals.ts";

export function joinSignals(first: Signals, second: Signals): Signals {
  const both = [first, second];
  return {
    /** Fails only when neither carried it. */
    async publish(channel, message) {
      const results = await Promise.allSettled(both.map((one) => one.publish(channel, message)));
      const [failed] = results.filter((one) => one.status === "rejected");
      if (failed && results.every((one) => one.status === "rejected")) throw failed.reason;
    },
    async subscribe(channel, listener) {
      const ends = await Promise.all(both.map((one) => one.subscribe(channel, listener)));
      return () => {
        for (const end of ends) end();
      };
    },
    onGap(listener) {
      for (const one of both) one.onGap(listener);
    },
    async close() {
      await Promise.all(both.map((one) => one.close()));
    },
  };
}
