// Appliances under load: they beat and post evolving inventories over HTTP, and remember everything that was acknowledged.
import type { Random } from "./random.ts";
import type { TestSystem } from "./app.ts";

export interface Acknowledged {
  /** The newest acknowledged beat of each system, by system key. */
  beats: Map<string, number>;
  /** Serial numbers of acknowledged inventories, by system key, in the order they were sent. */
  inventories: Map<string, number[]>;
}

export interface LoadOptions {
  /** Asked for each request: the gateway moves to another port when it is started again. */
  url(): string;
  systems: Pick<TestSystem, "system_key" | "authorization">[];
  random: Random;
  signal: AbortSignal;
  /** Every answer that is neither 2xx nor honest about being busy, away or full. */
  onSurprise(sentence: string): void;
}

export const noAcknowledgements = (): Acknowledged => ({ beats: new Map(), inventories: new Map() });

/** One loop a system until `signal` aborts. A request that gets no answer is not acknowledged, and sent anew under a new serial. */
export async function runLoad(options: LoadOptions, acknowledged: Acknowledged): Promise<void> {
  await Promise.all(options.systems.map((system) => runSystem(system, options, acknowledged)));
}

let serial = 0;

async function runSystem(
  system: LoadOptions["systems"][number],
  options: LoadOptions,
  { beats, inventories }: Acknowledged,
): Promise<void> {
  const { random, signal } = options;
  while (!signal.aborted) {
    if (random.int(2) === 0) {
      const answer = await send("heartbeat", undefined, system.authorization, options);
      if (answer)
        beats.set(system.system_key, Math.max(beats.get(system.system_key) ?? 0, Date.parse(answer.last_heartbeat)));
    } else {
      const number = (serial += 1);
      const answer = await send("inventory", JSON.stringify(documentOf(number, random)), system.authorization, options);
      if (answer) inventories.set(system.system_key, [...(inventories.get(system.system_key) ?? []), number]);
    }
    await Bun.sleep(random.int(20));
  }
}

async function send(route: string, body: string | undefined, authorization: string, { url, onSurprise }: LoadOptions) {
  try {
    const response = await fetch(`${url()}/collect/api/systems/${route}`, {
      method: "POST",
      headers: { authorization },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text).data as { last_heartbeat: string };
    if ([429, 502, 503, 507].includes(response.status)) await Bun.sleep(50);
    else onSurprise(`${route} was answered ${response.status}: ${text}`);
  } catch {
    // Refused, reset or timed out: not acknowledged.
    await Bun.sleep(50);
  }
  return undefined;
}

/** The serial tells documents apart; the rest changes a little from one to the next. */
const documentOf = (number: number, random: Random) => ({
  installation: "kill-test",
  facts: {
    serial: number,
    modules: Array.from({ length: 3 + random.int(3) }, (_, index) => ({
      id: `mail${index}`,
      version: `1.${random.int(3)}.0`,
    })),
    padding: "x".repeat(random.int(2000)),
  },
});
