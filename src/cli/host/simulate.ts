// Simulates a fleet, to measure a gateway and to verify that it stores what it acknowledged: muster simulate.
import { duration } from "../../config/setting.ts";
import { cleanUp, simulate as runSimulation } from "../../simulate/run.ts";
import type { Simulation } from "../../simulate/run.ts";
import type { Given } from "../arguments.ts";
import { UsageError, action } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";
import { DAY_MS } from "../../values/time.ts";

const FLAGS = {
  token: "T",
  url: "URL",
  systems: "100",
  rate: "50",
  duration: "60s",
  seed: "1",
  drain: "5m",
  cleanup: true,
  "cleanup-only": true,
  "yes-really": true,
} as const;

export const simulate: Verb = {
  name: "simulate",
  summary: "Send the load of a simulated fleet to a gateway, then verify that all it acknowledged is stored.",
  actions: { "": action({ flags: FLAGS, run: simulateFleet }) },
  notes: `Makes systems "simulated-SEED-N" of the organization "simulation", and posts heartbeats and evolving NS8 and
NethSecurity inventories, RATE requests a second. The same seed makes the same documents. Exit code 1 when something
acknowledged is missing. --cleanup erases the systems at the end, --cleanup-only those of an earlier run. It is a load
generator: a URL that is not this machine needs --yes-really.`,
};

async function simulateFleet(given: Given<typeof FLAGS>, cli: Cli): Promise<number> {
  const url = readUrl(given.url ?? "http://127.0.0.1:8081", given["yes-really"] === true);
  if (!given.token) throw new UsageError('--token is missing: "muster tokens add --name simulation" makes one.');
  const target = { url, token: given.token, seed: read("seed", given.seed ?? "1", whole(0, 2 ** 31 - 1)) };
  if (given["cleanup-only"]) return report(cli, given.json, { erased: await cleanUp(target) });
  const progress = {
    making: cli.progress("Making", "systems", given.json),
    sending: cli.progress("Sending", "requests", given.json),
    verifying: cli.progress("Verifying", "systems", given.json),
  };
  const result = await runSimulation({
    ...target,
    systems: read("systems", given.systems ?? "100", whole(1, 100_000)),
    rate: read("rate", (given.rate ?? "50").replace(/\/s$/, ""), whole(1, 100_000)),
    durationMs: read("duration", given.duration ?? "60s", duration(100, DAY_MS)),
    drainMs: read("drain", given.drain ?? "5m", duration(100, DAY_MS)),
    onPhase: cli.say,
    onProgress: (phase, done, total) => progress[phase].at(done, total),
  }).finally(progress.verifying.end);
  const erased = given.cleanup ? await cleanUp(target) : 0;
  if (given.json) cli.print(JSON.stringify({ ...result, erased }));
  else for (const line of linesOf(result)) cli.print(line);
  return result.complete ? 0 : 1;
}

function report(cli: Cli, json: boolean, { erased }: { erased: number }): number {
  cli.print(json ? JSON.stringify({ erased }) : `${erased} simulated systems erased.`);
  return 0;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

function readUrl(text: string, isMeant: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new UsageError("--url must be an http or https URL.");
  if (isMeant || LOOPBACK.test(url.hostname)) return url.href;
  throw new UsageError(
    `${url.host} is not this machine, and this is a load generator: add --yes-really if you mean it.`,
  );
}

function read<Value>(name: string, text: string, parse: (text: string) => Value): Value {
  try {
    return parse(text);
  } catch (error) {
    throw new UsageError(`--${name} ${(error as Error).message}, got ${JSON.stringify(text)}.`);
  }
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new Error(`must be a whole number from ${min} to ${max}`);
    return value;
  };
}

const MAX_MISSING_SHOWN = 20;

function linesOf({ heartbeats, inventories, errors, skipped, seconds, verification, complete }: Simulation): string[] {
  const kind = (name: string, { acknowledged, refused, latency }: Simulation["heartbeats"]) =>
    `${name.padEnd(12)} ${String(acknowledged).padStart(8)} acknowledged ${String(refused).padStart(6)} refused   ` +
    `${(acknowledged / seconds).toFixed(1).padStart(7)}/s   p50 ${latency.p50_ms} ms, p95 ${latency.p95_ms}, p99 ${latency.p99_ms}, max ${latency.max_ms}`;
  const statuses = Object.entries(errors).map(
    ([status, count]) => `${status === "0" ? "no answer" : status}: ${count}`,
  );
  const { missing, drained, drain_ms: drainMs } = verification;
  return [
    kind("heartbeats", heartbeats),
    kind("inventories", inventories),
    `errors       ${statuses.length > 0 ? statuses.join(", ") : "none"}`,
    ...(skipped > 0 ? [`skipped      ${skipped}: the rate was not reached`] : []),
    `queue        ${drained ? "empty" : "not empty"} after ${(drainMs / 1000).toFixed(1)} s`,
    ...missing.slice(0, MAX_MISSING_SHOWN).map((sentence) => `missing      ${sentence}`),
    ...(missing.length > MAX_MISSING_SHOWN
      ? [`missing      … and ${missing.length - MAX_MISSING_SHOWN} more systems`]
      : []),
    complete ? "All that was acknowledged is there." : "Something that was acknowledged is missing.",
  ];
}
