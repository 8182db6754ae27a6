// 5,000 inventories at once: a fleet after a power cut. All are stored, none is lost.
import { expect, test } from "bun:test";
import { makeAppliance, seedOf } from "../../src/simulate/appliances/appliance.ts";
import { forEachBounded } from "../../src/simulate/bounded.ts";
import { ask, openClient } from "../../src/simulate/client.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { runJson, startGateway } from "../support/program.ts";

const INVENTORIES = 5_000;
/** Appliances that take part; each sends one after the other, all of them at once. */
const SYSTEMS = 500;
const CONCURRENT = 500;

test("5,000 inventories at once are all stored, none twice", async () => {
  await using made = await createTestDatabase();
  const env = {
    DATABASE_URL: made.url,
    DATA_DIR: "/nonexistent",
    REGISTER_RATE_PER_MINUTE: "100000",
    INVENTORY_RATE_PER_MINUTE: "100000",
  };
  const { token } = await runJson<{ token: string }>(["tokens", "add", "--name", "burst"], { env });
  await using gateway = await startGateway({ env });
  const statuses = new Map<number, number>();
  const client = openClient({
    url: gateway.url,
    onStatus: (status) => statuses.set(status, (statuses.get(status) ?? 0) + 1),
  });
  const systems: { key: string; authorization: string }[] = [];
  await forEachBounded(
    Array.from({ length: SYSTEMS }, (_, at) => at),
    8,
    async (at) => {
      const created = await ask(client, token, "POST", "/api/admin/systems", { name: `burst ${at}` });
      const [key, secret] = [String(created["system_key"]), String(created["system_secret"])];
      const body = JSON.stringify({ system_secret: secret });
      expect((await client.send("POST", "/api/systems/register", "", body)).status).toBe(200);
      systems.push({ key, authorization: `Basic ${btoa(`${key}:${secret}`)}` });
    },
  );
  // Documents of 15 to 60 KB, made before: what is measured is the gateway.
  const documents = Array.from({ length: 24 }, (_, at) =>
    JSON.stringify(makeAppliance(seedOf(11, at)).next().document),
  );
  statuses.clear();

  const acknowledged = new Map<string, string[]>();
  const startMs = performance.now();
  await forEachBounded(
    Array.from({ length: INVENTORIES }, (_, at) => at),
    CONCURRENT,
    async (at) => {
      const system = systems[at % SYSTEMS];
      // Each system keeps its document, with something new in it each time.
      const document = documents[(at % SYSTEMS) % documents.length]?.replace("{", `{"serial": ${at}, `);
      if (!system || !document) throw new Error("nothing to send");
      const { status, data } = await client.send(
        "POST",
        "/collect/api/systems/inventory",
        system.authorization,
        document,
      );
      if (status === 200)
        acknowledged.set(system.key, [...(acknowledged.get(system.key) ?? []), String(data["timestamp"])]);
    },
  );
  const acceptedMs = performance.now() - startMs;
  expect([...statuses.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect([...acknowledged.values()].flat().length).toBe(INVENTORIES);

  const waiting = async () => {
    const { queues } = await ask(client, token, "GET", "/api/admin/queues");
    return Object.values(queues as Record<string, Record<string, number>>).reduce(
      (sum, { pending = 0, active = 0, delayed = 0 }) => sum + pending + active + delayed,
      0,
    );
  };
  while ((await waiting()) > 0) await Bun.sleep(200);
  const storedMs = performance.now() - startMs;
  const { queues } = await ask(client, token, "GET", "/api/admin/queues");
  expect(Object.values(queues as Record<string, { dead: number }>).filter(({ dead }) => dead > 0)).toEqual([]);

  const stored = await made.database.query<{ key: string; times: Date[]; undiffed: number }>(
    `select s.system_key as key, array_agg(r.received_at) as times, count(*) filter (where diffed_at is null)::integer as undiffed
     from inventory_records r join systems s on s.id = r.system_id group by 1`,
  );
  expect(stored.reduce((sum, { times }) => sum + times.length, 0)).toBe(INVENTORIES);
  expect(stored.filter(({ undiffed }) => undiffed > 0)).toEqual([]);
  for (const { key, times } of stored) {
    const sent = acknowledged.get(key) ?? [];
    expect(times.map((time) => time.toISOString()).sort()).toEqual(sent.sort());
  }
  console.log(
    `burst: ${INVENTORIES} accepted in ${(acceptedMs / 1000).toFixed(1)} s (503s answered: ${statuses.get(503) ?? 0}), compared after ${(storedMs / 1000).toFixed(1)} s`,
  );
}, 300_000);
