// Measures a fleet of 10,000 that sends all heartbeats within 5 s, and returns at once after an outage. Requires that no request fails
// and that no system is marked inactive.
import { findRunningPostgres } from "../src/adapters/postgres/carried/carried.ts";
import { openDatabase } from "../src/adapters/postgres/database.ts";
import { testLog } from "../test/support/run.ts";
import { openBenchGateway } from "./support/gateway.ts";
import { encodeRequest, runLoad } from "./support/load.ts";

const SYSTEMS = 10_000;
const SPREAD_MS = 5_000;
const OUTAGE_MINUTES = 10;
/** Connections at once when all come back; each sends its next request when the last one was answered. */
const CONNECTIONS = 1_000;

export async function benchSurge() {
  await using gateway = await openBenchGateway(SYSTEMS);
  const connection = findRunningPostgres(gateway.dataDir);
  if (!connection) throw new Error("the carried PostgreSQL does not run");
  const database = openDatabase(connection, { maxConnections: 1, log: testLog });
  try {
    const request = (authorization: string) =>
      encodeRequest("POST", "/collect/api/systems/heartbeat", { authorization }, "");
    const requests = gateway.authorizations.map(request);
    const spread = await paced(gateway.url, gateway.authorizations);
    await untilStored();
    // Ten minutes in which nobody was heard, and Muster itself was away: as its tables would look then.
    await database.query(`update system_heartbeats set last_heartbeat = last_heartbeat - $1 * interval '1 minute'`, [
      OUTAGE_MINUTES,
    ]);
    let at = 0;
    const back = await runLoad({ url: gateway.url, connections: CONNECTIONS, next: () => requests[at++] });
    await untilStored();
    const [row] = await database.query<{ inactive: number }>(
      `select count(*) filter (where status <> 'active')::integer as inactive from systems`,
    );
    return {
      bench: "surge",
      systems: SYSTEMS,
      spread,
      back: { seconds: back.seconds, p50_ms: back.p50Ms, p99_ms: back.p99Ms, refused: back.refused },
      not_active: row?.inactive,
      target: "no error, p99 < 500 ms, none inactive",
    };
  } finally {
    await database.close();
  }

  async function untilStored(): Promise<void> {
    for (;;) {
      const [row] = await database.query<{ stored: number }>(
        `select count(*)::integer as stored from system_heartbeats where last_heartbeat > now() - interval '1 minute'`,
      );
      if (row?.stored === SYSTEMS) return;
      await Bun.sleep(50);
    }
  }
}

/** Each system's one beat at its own moment of the 5 s, whatever became of the others. */
async function paced(url: string, authorizations: string[]) {
  const tookMs: number[] = [];
  const refused: Record<string, number> = {};
  const startMs = performance.now();
  await Promise.all(
    authorizations.map(async (authorization, index) => {
      await Bun.sleep((index / authorizations.length) * SPREAD_MS);
      const sentMs = performance.now();
      const headers = { authorization };
      const { status } = await fetch(`${url}/collect/api/systems/heartbeat`, { method: "POST", headers });
      tookMs.push(performance.now() - sentMs);
      if (status !== 200) refused[status] = (refused[status] ?? 0) + 1;
    }),
  );
  tookMs.sort((a, b) => a - b);
  const quantile = (share: number) => Math.round(tookMs[Math.floor(tookMs.length * share)] ?? 0);
  return {
    seconds: Math.round(performance.now() - startMs) / 1_000,
    p50_ms: quantile(0.5),
    p99_ms: quantile(0.99),
    refused,
  };
}

if (import.meta.main) console.log(JSON.stringify(await benchSurge(), null, 2));
