// Posts heartbeats and evolving inventories at a steady rate, and remembers what was acknowledged.
import type { Client } from "./client.ts";
import type { Member } from "./fleet.ts";

interface LoadOptions {
  client: Client;
  members: Member[];
  /** Requests started a second, both kinds together. */
  rate: number;
  durationMs: number;
  /** Requests started, of how many. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

interface LoadResult {
  heartbeats: { acknowledged: number; refused: number; latenciesMs: number[] };
  inventories: { acknowledged: number; refused: number; latenciesMs: number[]; bytes: number };
  /** Starts left out because every member still waited for an answer: the rate was not reached. */
  skipped: number;
}

/** One inventory, then so many heartbeats, as appliances on shortened schedules would. */
const HEARTBEATS_PER_INVENTORY = 3;
const MAX_IN_FLIGHT = 256;
/** Requests start in small groups, since timers are no finer. */
const TICK_MS = 10;

export async function runLoad({ client, members, rate, durationMs, onProgress }: LoadOptions): Promise<LoadResult> {
  const result: LoadResult = {
    heartbeats: { acknowledged: 0, refused: 0, latenciesMs: [] },
    inventories: { acknowledged: 0, refused: 0, latenciesMs: [], bytes: 0 },
    skipped: 0,
  };
  const inFlight = new Set<Promise<void>>();
  const startMs = performance.now();
  let started = 0;
  for (let elapsedMs = 0; elapsedMs < durationMs; elapsedMs = performance.now() - startMs) {
    const due = Math.floor((elapsedMs / 1000) * rate);
    for (; started < due; started++) {
      const member = members[started % members.length];
      if (!member || member.isBusy || inFlight.size >= MAX_IN_FLIGHT) {
        result.skipped += 1;
        continue;
      }
      const round = Math.floor(started / members.length);
      const isInventory = (round + member.number) % (HEARTBEATS_PER_INVENTORY + 1) === 0;
      const running: Promise<void> = (isInventory ? postInventory : beat)(client, member, result).finally(() => {
        member.isBusy = false;
        inFlight.delete(running);
      });
      member.isBusy = true;
      inFlight.add(running);
    }
    onProgress?.(started, Math.floor((durationMs / 1000) * rate));
    await Bun.sleep(TICK_MS);
  }
  await Promise.all(inFlight);
  return result;
}

async function beat(client: Client, member: Member, { heartbeats }: LoadResult): Promise<void> {
  const { status, data, ms } = await client.send("POST", "/collect/api/systems/heartbeat", member.authorization);
  heartbeats.latenciesMs.push(ms);
  if (status !== 200) return void (heartbeats.refused += 1);
  heartbeats.acknowledged += 1;
  member.lastHeartbeat = String(data["last_heartbeat"]);
}

async function postInventory(client: Client, member: Member, { inventories }: LoadResult): Promise<void> {
  const body = JSON.stringify(member.appliance.next().document);
  const { status, data, ms } = await client.send("POST", "/collect/api/systems/inventory", member.authorization, body);
  inventories.latenciesMs.push(ms);
  if (status !== 200) return void (inventories.refused += 1);
  inventories.acknowledged += 1;
  inventories.bytes += Buffer.byteLength(body);
  member.inventories.push(String(data["timestamp"]));
}
