// Asks the gateway, through its API, whether everything it acknowledged is there.
import { forEachBounded } from "./bounded.ts";
import { ask } from "./client.ts";
import type { Client } from "./client.ts";
import type { Member } from "./fleet.ts";
import { counted } from "../values/count.ts";

interface VerifyOptions {
  client: Client;
  token: string;
  members: Member[];
  /** The queue must have become empty by then. */
  deadlineMs: number;
  /** Systems looked at, of how many. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Verification {
  drained: boolean;
  drain_ms: number;
  /** One sentence for each system of which something is missing. */
  missing: string[];
}

const CONCURRENCY = 8;
const POLL_MS = 200;

export async function verify({ client, token, members, deadlineMs, onProgress }: VerifyOptions): Promise<Verification> {
  const startMs = performance.now();
  const drained = await untilDrained(client, token, startMs + deadlineMs);
  const drainMs = Math.round(performance.now() - startMs);
  const missing: string[] = [];
  let looked = 0;
  await forEachBounded(members, CONCURRENCY, async (member) => {
    const fault = await faultOf(client, token, member);
    if (fault) missing.push(`${member.name}: ${fault}`);
    onProgress?.((looked += 1), members.length);
  });
  return { drained, drain_ms: drainMs, missing };
}

async function untilDrained(client: Client, token: string, endMs: number): Promise<boolean> {
  for (;;) {
    const { queues } = (await ask(client, token, "GET", "/api/admin/queues")) as { queues: Record<string, Counts> };
    const waiting = Object.values(queues).some(({ pending, active, delayed }) => pending + active + delayed > 0);
    if (!waiting) return true;
    if (performance.now() > endMs) return false;
    await Bun.sleep(POLL_MS);
  }
}

interface Counts {
  pending: number;
  delayed: number;
  active: number;
}

async function faultOf(
  client: Client,
  token: string,
  { key, lastHeartbeat, inventories }: Member,
): Promise<string | undefined> {
  const system = await ask(client, token, "GET", `/api/admin/systems/${key}`);
  if (lastHeartbeat !== undefined && !(Date.parse(String(system["last_heartbeat"])) >= Date.parse(lastHeartbeat)))
    return `the heartbeat acknowledged at ${lastHeartbeat} is not there, the last is ${String(system["last_heartbeat"])}`;
  const newest = inventories.at(-1);
  if (newest === undefined) return undefined;
  const records = await readRecords(client, token, key);
  if (records.length < inventories.length)
    return `${counted(inventories.length, "inventory was", "inventories were")} acknowledged, ${records.length} are there`;
  const times = new Set(records.map((record) => Date.parse(record.received_at)));
  const lost = inventories.find((time) => !times.has(Date.parse(time)));
  return lost && `the inventory acknowledged at ${lost} is not there`;
}

async function readRecords(client: Client, token: string, key: string): Promise<{ received_at: string }[]> {
  const records: { received_at: string }[] = [];
  for (let cursor = ""; ;) {
    const path = `/api/admin/systems/${key}/inventory/history?limit=1000${cursor && `&cursor=${cursor}`}`;
    const page = await ask(client, token, "GET", path);
    records.push(...(page["records"] as { received_at: string }[]));
    if (typeof page["next_cursor"] !== "string") return records;
    cursor = encodeURIComponent(page["next_cursor"]);
  }
}
