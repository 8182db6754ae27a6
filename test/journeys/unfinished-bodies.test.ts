// Thousands of bodies that never end, with and without credentials, while a neighbour lives on as if nothing was.
import { describe, expect, test } from "bun:test";
import { startUpstream } from "../domains/alerts/fixture.ts";
import { attackWithUnfinishedBodies } from "../support/attacks/unfinished-bodies.ts";
import type { AttackReport, UnfinishedBodies } from "../support/attacks/unfinished-bodies.ts";
import type { NeighbourReport } from "../support/neighbour.ts";
import { liveAsNeighbour } from "../support/neighbour.ts";
import { createTestDatabase } from "../support/postgres.ts";
import type { Gateway } from "../support/program.ts";
import { runJson, startGateway } from "../support/program.ts";

const CONNECTIONS = 4_200;
/** Of the neighbour, once all connections are there. */
const ROUNDS = 10;
/** Of the gateway's process for all of it; seen were 0.7 to 1.4. */
const MOST_CPU_SECONDS = 5;
const SILENCES = "/collect/api/services/mimir/alertmanager/api/v2/silences";

interface Case extends Pick<UnfinishedBodies, "path" | "announcedBytes" | "sentBytes" | "addresses"> {
  isKnown?: boolean;
}

describe("4,200 connections that never finish their bodies are not felt", () => {
  test.each<[string, Case]>([
    [
      "one byte of 64 KB each, from 250 networks",
      { path: "/api/systems/register", announcedBytes: 65_536, sentBytes: 1, addresses: 250 },
    ],
    [
      "one byte of 8 KB each, from 250 networks",
      { path: "/api/systems/register", announcedBytes: 8_192, sentBytes: 1, addresses: 250 },
    ],
    [
      "all but a few bytes of 8 KB each, from 250 networks",
      { path: "/api/systems/register", announcedBytes: 8_192, sentBytes: 8_000, addresses: 250 },
    ],
    [
      "one byte of 64 KB each, of one known system",
      { path: SILENCES, announcedBytes: 65_536, sentBytes: 1, isKnown: true },
    ],
    [
      "60 of 64 KB each, of one known system",
      { path: SILENCES, announcedBytes: 65_536, sentBytes: 60_000, isKnown: true },
    ],
  ])(
    "%s",
    async (_, { isKnown = false, ...attack }) => {
      await using upstream = startUpstream(() => Response.json([]));
      await using made = await createTestDatabase();
      // As many tries as a fleet behind one address may be given.
      const env = {
        DATABASE_URL: made.url,
        DATA_DIR: "/nonexistent",
        MIMIR_URL: upstream.url,
        REGISTER_RATE_PER_MINUTE: "100000",
      };
      const [neighbour, greedy] = await Promise.all(["Neighbour", "Greedy"].map((name) => addSystem(name, env)));
      await using gateway = await startGateway({ env });
      const { url } = gateway;
      for (const system of [neighbour, greedy]) await register(url, system?.system_secret);
      const cpuBefore = await cpuSecondsOf(gateway);
      const ended = new AbortController();
      const { signal } = ended;
      const attacked: AttackReport = { opened: 0, answers: {} };
      const lived: NeighbourReport = { rounds: 0, answers: {}, latenciesMs: [] };
      const running = Promise.all([
        attackWithUnfinishedBodies({
          ...attack,
          url,
          signal,
          connections: CONNECTIONS,
          report: attacked,
          ...(isKnown && { authorization: authorizationOf(greedy) }),
        }),
        liveAsNeighbour({ url, signal, authorization: authorizationOf(neighbour), report: lived }),
      ]);
      while (attacked.opened < CONNECTIONS) await Bun.sleep(10);
      const roundsBefore = lived.rounds;
      while (lived.rounds < roundsBefore + ROUNDS) await Bun.sleep(10);
      ended.abort();
      await running;
      expect(Object.keys(lived.answers).sort()).toEqual(["heartbeat 200", "inventory 200"]);
      // A third of a millisecond a connection, whatever becomes of it, beside what the neighbour's rounds take.
      expect((await cpuSecondsOf(gateway)) - cpuBefore).toBeLessThan(MOST_CPU_SECONDS);
      // Told of, but not one by one.
      expect(gateway.log().split("\n").length).toBeLessThan(400);
    },
    120_000,
  );
});

async function cpuSecondsOf({ operationsUrl }: Gateway): Promise<number> {
  const metrics = await (await fetch(`${operationsUrl}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(metrics)?.[1]);
}

type Created = { system_key: string; system_secret: string };

const addSystem = (name: string, env: Record<string, string>) =>
  runJson<Created>(["systems", "add", "--name", name], { env });

const authorizationOf = (system: Created | undefined) =>
  `Basic ${btoa(`${system?.system_key}:${system?.system_secret}`)}`;

async function register(url: string, secret: string | undefined): Promise<void> {
  const body = JSON.stringify({ system_secret: secret });
  expect((await fetch(`${url}/api/systems/register`, { method: "POST", body })).status).toBe(200);
}
