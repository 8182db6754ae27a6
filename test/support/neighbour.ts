// A neighbour of whoever attacks: beats and posts inventories as real appliances do, and notes how each was answered.
import { makeAppliance, seedOf } from "../../src/simulate/appliance.ts";

/** Grows as it goes on. */
export interface NeighbourReport {
  /** A beat and an inventory each. */
  rounds: number;
  /** Answers by kind and status, such as "heartbeat 200". */
  answers: Record<string, number>;
  latenciesMs: number[];
}

export interface NeighbourOptions {
  url: string;
  authorization: string;
  signal: AbortSignal;
  pauseMs?: number;
  report?: NeighbourReport;
}

/** Inventories change a little from one to the next, as an appliance's do. */
export async function liveAsNeighbour({
  url,
  authorization,
  signal,
  pauseMs = 100,
  report = { rounds: 0, answers: {}, latenciesMs: [] },
}: NeighbourOptions): Promise<NeighbourReport> {
  const appliance = makeAppliance(seedOf(7, 1));
  const send = async (kind: string, body?: string) => {
    const startedMs = performance.now();
    const outcome = await fetch(`${url}/collect/api/systems/${kind}`, {
      method: "POST",
      headers: { authorization },
      ...(body !== undefined && { body }),
    }).then(
      async (response) => (await response.text(), String(response.status)),
      (error: unknown) => `failed: ${String(error)}`,
    );
    report.latenciesMs.push(performance.now() - startedMs);
    report.answers[`${kind} ${outcome}`] = (report.answers[`${kind} ${outcome}`] ?? 0) + 1;
  };
  while (!signal.aborted) {
    await send("heartbeat");
    await send("inventory", JSON.stringify(appliance.next().document));
    report.rounds += 1;
    await Bun.sleep(pauseMs);
  }
  return report;
}
