// 200 documents of 8 MB go through one gateway: its memory stays bounded, and heartbeats hardly wait.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { forEachBounded } from "../../src/simulate/bounded.ts";
import { ask, openClient } from "../../src/simulate/client.ts";
import { latenciesOf } from "../../src/simulate/latency.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { runJson, startGateway } from "../support/program.ts";

const DOCUMENTS = Number(process.env["HEAP_DOCUMENTS"] ?? 200);
const SYSTEMS = 10;
const CONCURRENT = 4;
const DOCUMENT_BYTES = 8 * 1024 ** 2;

test(`${DOCUMENTS} documents of 8 MB go through in bounded memory`, async () => {
  await using made = await createTestDatabase();
  const env = {
    DATABASE_URL: made.url,
    DATA_DIR: "/nonexistent",
    REGISTER_RATE_PER_MINUTE: "100000",
    INVENTORY_RATE_PER_MINUTE: "100000",
    INVENTORY_PER_SYSTEM: "100GB",
    INVENTORY_PER_ORGANIZATION: "100GB",
  };
  const { token } = await runJson<{ token: string }>(["tokens", "add", "--name", "heap"], { env });
  await using gateway = await startGateway({ env });
  const client = openClient({ url: gateway.url });
  const systems: string[] = [];
  for (let at = 0; at < SYSTEMS; at++) {
    const created = await ask(client, token, "POST", "/api/admin/systems", { name: `large ${at}` });
    const secret = String(created["system_secret"]);
    await client.send("POST", "/api/systems/register", "", JSON.stringify({ system_secret: secret }));
    systems.push(`Basic ${btoa(`${String(created["system_key"])}:${secret}`)}`);
  }
  const megabytes = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, "utf8"))?.[1]) / 1024;
  const idle = megabytes();
  let peak = idle;
  let isRunning = true;
  const beatsMs: number[] = [];
  const beating = (async () => {
    while (isRunning) {
      const { ms, status } = await client.send("POST", "/api/systems/heartbeat", systems[0] ?? "");
      expect(status).toBe(200);
      beatsMs.push(ms);
      peak = Math.max(peak, megabytes());
      await Bun.sleep(10);
    }
  })();

  const body = documentOf(DOCUMENT_BYTES);
  let accepted = 0;
  const numbers = Array.from({ length: DOCUMENTS }, (_, at) => at);
  await forEachBounded(numbers, CONCURRENT, async (at) => {
    for (let attempts = 0; attempts < 30; attempts++) {
      const { status } = await client.send("POST", "/api/systems/inventory", systems[at % SYSTEMS] ?? "", body(at));
      if (status === 200) return void (accepted += 1);
      expect(status).toBe(503);
    }
  });
  for (;;) {
    const { queues } = await ask(client, token, "GET", "/api/admin/queues");
    const counts = Object.values(queues as Record<string, Record<string, number>>);
    if (counts.every(({ pending, active, delayed }) => !pending && !active && !delayed)) break;
    await Bun.sleep(200);
  }
  isRunning = false;
  await beating;

  const [stored] = await made.database.query<{ records: number; undiffed: number }>(
    `select count(*)::integer as records, count(*) filter (where diffed_at is null)::integer as undiffed from inventory_records`,
  );
  expect(accepted).toBe(DOCUMENTS);
  expect(stored).toEqual({ records: DOCUMENTS, undiffed: 0 });
  const { p50_ms, p99_ms, max_ms } = latenciesOf(beatsMs);
  console.log(
    `heap: ${Math.round(idle)} MB idle, ${Math.round(peak)} MB at most; heartbeats meanwhile p50 ${p50_ms} ms, p99 ${p99_ms} ms, max ${max_ms} ms`,
  );
  expect(peak - idle).toBeLessThan(MAX_GROWTH_MEGABYTES);
}, 900_000);

/** The whole process: two heaps, buffers and the thread; what they hold at the worst moment. */
const MAX_GROWTH_MEGABYTES = 350;

/** A few deep places change from one to the next, most of the document stays: as a package list does. */
function documentOf(bytes: number): (serial: number) => string {
  const packages: string[] = [];
  for (let size = 0, at = 0; size < bytes; at++) {
    const summary = `Package number ${at} does a thing and says so at length. `.repeat(8);
    const text = `"package_${at}":{"name":"package-${at}","version":"1.${at % 97}.${at % 31}","summary":"${summary}"}`;
    packages.push(text);
    size += text.length + 1;
  }
  const rest = packages.join(",");
  return (serial) => `{"installation":"other","serial":${serial},"facts":{"packages":{${rest}}}}`;
}
