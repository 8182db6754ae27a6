// Measures inventories of 30 KB, from POST to the committed rows of their diff, per second, against plain inserts of the same documents.
import { join } from "node:path";
import pg from "pg";
import { clientConfig } from "../src/adapters/postgres/database.ts";
import { openPostgres } from "../src/adapters/postgres/open.ts";
import { testLog } from "../test/support/run.ts";
import { openBenchGateway } from "./support/gateway.ts";
import { encodeRequest, median, rounded, runLoad } from "./support/load.ts";

const SYSTEMS = 200;
/** Inventories of each system in one round, each a little different from the one before. */
const STEPS = 5;
const ROUNDS = 3;
/** Appliances at once, and the most connections that the gateway opens by default: the ceiling gets as many. */
const POSTING = 32;
const DATABASE_CONNECTIONS = 10;
const DOCUMENT_BYTES = 30_000;
const FIXTURE = join(import.meta.dir, "../test/support/fixtures/inventories/ns8-inventory.json");

export async function benchInventory() {
  await using gateway = await openBenchGateway(SYSTEMS);
  const postgres = await openPostgres({ dataDir: gateway.dataDir, databaseUrl: undefined, role: "cli", log: testLog });
  const pool = new pg.Pool({ ...clientConfig(postgres.connection), max: DATABASE_CONNECTIONS });
  await pool.query(
    "create table plain (id bigint generated always as identity primary key, at timestamptz, data json)",
  );
  const evolve = await documentMaker();
  const rounds: { ours: number; ceiling: number; single: number; p50Ms: number; p99Ms: number }[] = [];
  let changes = 0;
  let bytes = 0;
  try {
    // The first round only warms up: every record's first inventory has nothing to be compared with.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const documents = Array.from({ length: STEPS }, (_, step) =>
        gateway.authorizations.map((_, system) => evolve(system, round * STEPS + step)),
      ).flat();
      bytes = Buffer.byteLength(documents[0] ?? "");
      const ceiling = await insertPlainly(pool, documents, DATABASE_CONNECTIONS);
      const single = await insertPlainly(pool, documents, 1);
      const { perSecond, p50Ms, p99Ms } = await postAll(gateway, pool, documents);
      if (round > 0) rounds.push({ ours: perSecond, ceiling, single, p50Ms, p99Ms });
    }
    const { rows } = await pool.query(
      "select avg(change_count)::float as n from inventory_records where previous_record_id is not null",
    );
    changes = rows[0].n;
  } finally {
    await pool.end();
    await postgres.close();
  }
  return {
    bench: "inventory",
    document_bytes: bytes,
    systems: SYSTEMS,
    changes_each: rounded(changes),
    ours_per_second: Math.round(median(rounds.map((one) => one.ours))),
    ceiling_per_second: Math.round(median(rounds.map((one) => one.ceiling))),
    ratio: rounded(median(rounds.map(({ ours, ceiling }) => ours / ceiling))),
    target: 0.35,
    ceiling_connections: DATABASE_CONNECTIONS,
    ratio_to_one_connection: rounded(median(rounds.map(({ ours, single }) => ours / single))),
    post_p50_ms: median(rounds.map((one) => one.p50Ms)),
    post_p99_ms: median(rounds.map((one) => one.p99Ms)),
  };
}

/** From the first POST until no record waits for its diff. */
async function postAll(gateway: { url: string; authorizations: string[] }, pool: pg.Pool, documents: string[]) {
  const systems = gateway.authorizations;
  const requests = documents.map((document, index) => {
    const authorization = systems[index % systems.length] ?? "";
    return encodeRequest(
      "POST",
      "/api/systems/inventory",
      { authorization, "content-type": "application/json" },
      document,
    );
  });
  const before = await countDiffed(pool);
  let at = 0;
  const startMs = performance.now();
  const result = await runLoad({ url: gateway.url, connections: POSTING, next: () => requests[at++] });
  if (Object.keys(result.refused).length > 0)
    throw new Error(`inventories were refused: ${JSON.stringify(result.refused)}`);
  while ((await countDiffed(pool)) - before < documents.length) await Bun.sleep(5);
  return { ...result, perSecond: documents.length / ((performance.now() - startMs) / 1000) };
}

/** Records that were compared with the one before; a system's first has none to be compared with. */
async function countDiffed(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query(
    "select count(*)::int as n from inventory_records where diffed_at is not null or previous_record_id is null",
  );
  return rows[0].n;
}

/** One autocommitted row a document, on so many connections at once. */
async function insertPlainly(pool: pg.Pool, documents: string[], connections: number): Promise<number> {
  let at = 0;
  const startMs = performance.now();
  const insertRest = async () => {
    for (let document = documents[at++]; document !== undefined; document = documents[at++])
      await pool.query({ name: "plain", text: "insert into plain (at, data) values (now(), $1)", values: [document] });
  };
  await Promise.all(Array.from({ length: connections }, insertRest));
  return documents.length / ((performance.now() - startMs) / 1000);
}

/** An NS8 cluster of about 30 KB: every step moves its figures and upgrades one of its modules. */
async function documentMaker(): Promise<(system: number, step: number) => string> {
  const document = await Bun.file(FIXTURE).json();
  const { modules } = document.facts;
  while (JSON.stringify(document).length > DOCUMENT_BYTES && modules.length > 1) modules.pop();
  const template = JSON.stringify(document);
  return (system, step) => {
    const next = JSON.parse(template);
    next.uuid = `00000000-0000-4000-8000-${String(system).padStart(12, "0")}`;
    for (const [index, module] of next.facts.modules.entries()) {
      const upgrades = Math.floor((step + modules.length - 1 - index) / modules.length);
      module.version = `4.2.${upgrades}`;
    }
    for (const node of Object.values<Record<string, unknown>>(next.facts.nodes))
      node["uptime_seconds"] = 1_000 + step * 28_800;
    return JSON.stringify(next);
  };
}

if (import.meta.main) console.log(JSON.stringify(await benchInventory(), null, 2));
