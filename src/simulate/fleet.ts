// Makes a simulated fleet on a running gateway, and erases it again.
import { makeAppliance, seedOf } from "./appliances/appliance.ts";
import type { Appliance } from "./appliances/appliance.ts";
import { ask } from "./client.ts";
import type { Client } from "./client.ts";
import { forEachBounded } from "./bounded.ts";

export interface Member {
  number: number;
  name: string;
  key: string;
  authorization: string;
  appliance: Appliance;
  /** What the gateway acknowledged. */
  lastHeartbeat: string | undefined;
  /** Receive times of acknowledged inventories that differed from the one before. */
  inventories: string[];
  /** A request of this member is on its way; an appliance does one thing at a time. */
  isBusy: boolean;
}

interface FleetOptions {
  client: Client;
  token: string;
  seed: number;
  systems: number;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

const ORGANIZATION = "simulation";
const CONCURRENCY = 16;

/** Erases systems of an earlier run with this seed first, since their secrets are no longer known. */
export async function makeFleet(options: FleetOptions): Promise<Member[]> {
  await eraseFleet(options);
  const { client, token, seed, systems, onProgress = () => {} } = options;
  const members: Member[] = [];
  await forEachBounded(
    Array.from({ length: systems }, (_, number) => number),
    CONCURRENCY,
    async (number) => {
      const name = nameOf(seed, number);
      // Registrations are rate limited per address, and the whole fleet has one: operators may skip the limit.
      const body = { name, organization_id: ORGANIZATION, registered: true };
      const made = await ask(client, token, "POST", "/api/admin/systems", body);
      const [key, secret] = [String(made["system_key"]), String(made["system_secret"])];
      members.push({
        number,
        name,
        key,
        authorization: `Basic ${btoa(`${key}:${secret}`)}`,
        appliance: makeAppliance(seedOf(seed, number)),
        lastHeartbeat: undefined,
        inventories: [],
        isBusy: false,
      });
      onProgress(members.length, systems);
    },
  );
  return members.sort((left, right) => left.number - right.number);
}

/** Resolves with the number of erased systems. */
export async function eraseFleet({
  client,
  token,
  seed,
}: Omit<FleetOptions, "systems" | "onProgress">): Promise<number> {
  const keys: string[] = [];
  for (let cursor = ""; ;) {
    const query = `search=${encodeURIComponent(`simulated-${seed}-`)}&organization=${ORGANIZATION}&limit=200`;
    const page = await ask(client, token, "GET", `/api/admin/systems?${query}${cursor && `&cursor=${cursor}`}`);
    for (const system of page["systems"] as { system_key: string; name: string }[])
      if (system.name.startsWith(`simulated-${seed}-`)) keys.push(system.system_key);
    if (typeof page["next_cursor"] !== "string") break;
    cursor = encodeURIComponent(page["next_cursor"]);
  }
  await forEachBounded(
    keys,
    CONCURRENCY,
    async (key) => void (await ask(client, token, "DELETE", `/api/admin/systems/${key}`)),
  );
  return keys.length;
}

const nameOf = (seed: number, number: number) => `simulated-${seed}-${number}`;
