// Runs a whole simulation: makes the fleet, loads the gateway, verifies that what it acknowledged is there.
import { openClient } from "./client.ts";
import { eraseFleet, makeFleet } from "./fleet.ts";
import { latenciesOf } from "./latency.ts";
import type { Latencies } from "./latency.ts";
import { runLoad } from "./load.ts";
import { verify } from "./verify.ts";
import type { Verification } from "./verify.ts";
import { counted } from "../values/count.ts";

interface SimulationOptions {
  url: string;
  token: string;
  systems: number;
  rate: number;
  durationMs: number;
  seed: number;
  /** How long the queue may take to become empty afterwards. */
  drainMs: number;
  /** Reports the current step. */
  onPhase?: (sentence: string) => void;
  /** Reports the progress of the step. */
  onProgress?: (phase: Phase, done: number, total: number) => void;
}

type Phase = "making" | "sending" | "verifying";

export interface Simulation {
  systems: number;
  seed: number;
  seconds: number;
  heartbeats: { acknowledged: number; refused: number; latency: Latencies };
  inventories: { acknowledged: number; refused: number; bytes: number; latency: Latencies };
  /** Requests that were not started because their appliance, or the driver, had too many on their way. */
  skipped: number;
  /** Answers that were not 2xx, by status, retries counted; 0 is no answer. */
  errors: Record<string, number>;
  verification: Verification;
  /** Whether everything acknowledged is there. */
  complete: boolean;
}

export async function simulate(options: SimulationOptions): Promise<Simulation> {
  const { url, token, seed, systems, rate, durationMs, onPhase = () => {} } = options;
  const of = (phase: Phase) => (done: number, total: number) => options.onProgress?.(phase, done, total);
  const setup = openClient({ url });
  onPhase(`Making ${counted(systems, "system")}.`);
  const members = await makeFleet({ client: setup, token, seed, systems, onProgress: of("making") });
  const errors: Record<string, number> = {};
  const client = openClient({
    url,
    onStatus: (status) => {
      if (status < 200 || status >= 300) errors[status] = (errors[status] ?? 0) + 1;
    },
  });
  onPhase(`Sending ${counted(rate, "request")} a second for ${Math.round(durationMs / 1000)} s.`);
  const startMs = performance.now();
  const { heartbeats, inventories, skipped } = await runLoad({
    client,
    members,
    rate,
    durationMs,
    onProgress: of("sending"),
  });
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  onPhase("Waiting for the queue, then looking for what was acknowledged.");
  const deadlineMs = options.drainMs;
  const verification = await verify({ client: setup, token, members, deadlineMs, onProgress: of("verifying") });
  const { latenciesMs: beatsMs, ...beats } = heartbeats;
  const { latenciesMs: inventoriesMs, ...posted } = inventories;
  return {
    systems,
    seed,
    seconds,
    heartbeats: { ...beats, latency: latenciesOf(beatsMs) },
    inventories: { ...posted, latency: latenciesOf(inventoriesMs) },
    skipped,
    errors,
    verification,
    complete: verification.drained && verification.missing.length === 0,
  };
}

/** Resolves with the number of erased systems of this seed. */
export const cleanUp = ({ url, token, seed }: Pick<SimulationOptions, "url" | "token" | "seed">) =>
  eraseFleet({ client: openClient({ url }), token, seed });
