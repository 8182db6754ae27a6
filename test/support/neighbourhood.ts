// A gateway of its own process with two systems: one that attacks, and its neighbour, which lives on meanwhile.
import { startUpstream } from "../domains/alerts/fixture.ts";
import { basic } from "./app.ts";
import { liveAsNeighbour } from "./neighbour.ts";
import type { NeighbourReport } from "./neighbour.ts";
import { createTestDatabase } from "./postgres.ts";
import { runJson, startGateway } from "./program.ts";
import type { Gateway } from "./program.ts";

export interface Neighbourhood extends AsyncDisposable {
  gateway: Gateway;
  /** `Authorization` of the system that attacks. */
  greedy: string;
  /** Attacks until `isThere` says that the attack is at its height, and through so many rounds of the neighbour more. */
  besiege(attack: (signal: AbortSignal) => Promise<unknown>, rounds: number, isThere: () => boolean): Promise<Siege>;
}

export interface Siege extends NeighbourReport {
  /** Of the gateway's process, the neighbour's rounds included. */
  cpuSeconds: number;
}

export async function openNeighbourhood(settings: Record<string, string> = {}): Promise<Neighbourhood> {
  await using opened = new AsyncDisposableStack();
  const upstream = opened.use(startUpstream(() => Response.json([])));
  const made = opened.use(await createTestDatabase());
  const env = { DATABASE_URL: made.url, DATA_DIR: "/nonexistent", MIMIR_URL: upstream.url, ...settings };
  const created = await Promise.all(
    ["Neighbour", "Greedy"].map((name) => runJson<Created>(["systems", "add", "--name", name], { env })),
  );
  const gateway = opened.use(await startGateway({ env }));
  const [neighbour = "", greedy = ""] = await Promise.all(created.map((system) => register(gateway.url, system)));
  const stack = opened.move();
  return {
    gateway,
    greedy,
    async besiege(attack, rounds, isThere) {
      const cpuBefore = await cpuSecondsOf(gateway);
      const ended = new AbortController();
      const { signal } = ended;
      const report: NeighbourReport = { rounds: 0, answers: {}, latenciesMs: [] };
      const running = Promise.all([
        attack(signal),
        liveAsNeighbour({ url: gateway.url, signal, authorization: neighbour, report }),
      ]);
      while (!isThere()) await Bun.sleep(10);
      const before = report.rounds;
      while (report.rounds < before + rounds) await Bun.sleep(10);
      ended.abort();
      await running;
      return { ...report, cpuSeconds: (await cpuSecondsOf(gateway)) - cpuBefore };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

interface Created {
  system_key: string;
  system_secret: string;
}

async function register(url: string, { system_key, system_secret }: Created): Promise<string> {
  const { status } = await fetch(`${url}/api/systems/register`, {
    method: "POST",
    body: JSON.stringify({ system_secret }),
  });
  if (status !== 200) throw new Error(`a system could not register: ${status}`);
  return basic(system_key, system_secret);
}

async function cpuSecondsOf({ operationsUrl }: Gateway): Promise<number> {
  const metrics = await (await fetch(`${operationsUrl}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(metrics)?.[1]);
}
