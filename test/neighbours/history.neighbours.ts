// Documents that cost much to compare, to keep or to tell of, one after the other: a neighbour of another organisation is answered as ever.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startAlertmanager } from "../support/alertmanager.ts";
import type { TestAlertmanager } from "../support/alertmanager.ts";
import { allNew, changingKeys, manyModules } from "../support/attacks/documents.ts";
import { floodSilences } from "../support/attacks/silence-flood.ts";
import { flood, openNeighborhood } from "../support/neighborhood.ts";
import type { Neighborhood } from "../support/neighborhood.ts";

const LIMIT_MS = 300_000;
const INVENTORY = "/collect/api/systems/inventory";
const BEAT = "/collect/api/systems/heartbeat";
const SILENCES = "/collect/api/services/mimir/alertmanager/api/v2/silences";
const JSON_TYPE = { "content-type": "application/json" };
const NORMAL = JSON.stringify({ fqdn: "attacker.example.org", facts: { distro: { version: "8.6.1" } } });

/** Four documents of nearly the largest size on their way at once: each is parsed in one go, and held as text more than once. */
const FOUR_LARGE = { behindMs: 800, growthBytes: 700 * 1024 ** 2 };

let alertmanager: TestAlertmanager;
let here: Neighborhood;
beforeAll(async () => {
  alertmanager = await startAlertmanager();
  here = await openNeighborhood({ MIMIR_URL: alertmanager.url, API_MAX_REQUEST_SIZE: "10MB" }, 24);
}, 60_000);
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await alertmanager[Symbol.asyncDispose]();
}, 60_000);

describe("a neighbour is answered while", () => {
  test(
    "every one of 4,000 modules changes, three times",
    async () => {
      const [attacker] = here.attackers;
      await here.endure("4,000 modules, every version changed, 3 times", async () => {
        const counts: Record<number, number> = {};
        for (let generation = 0; generation < 3; generation += 1) {
          const status = await here.send(attacker, INVENTORY, manyModules(4_000, generation), JSON_TYPE);
          counts[status] = (counts[status] ?? 0) + 1;
        }
        await here.untilDrained();
        return counts;
      });
    },
    LIMIT_MS,
  );

  test(
    "documents of 8.6 MB hold nothing that was there before",
    () =>
      here.endure(
        "8.6 MB of all-new keys, 4 systems, 3 times",
        async () => {
          const counts = await flood(12, 4, (index) =>
            here.send(here.attackers[1 + (index % 4)], INVENTORY, allNew(8_600_000, Math.floor(index / 4)), JSON_TYPE),
          );
          await here.untilDrained();
          return counts;
        },
        FOUR_LARGE,
      ),
    LIMIT_MS,
  );

  test(
    "one system changes 10,500 keys of 4.1 MB, fourteen times, and operators read what changed",
    async () => {
      const attacker = here.attackers[5];
      const read: number[] = [];
      await here.endure("10,500 changed keys in 4.1 MB, 14 times; operators read the changes", async () => {
        const counts: Record<number, number> = {};
        for (let generation = 0; generation < 14; generation += 1) {
          const status = await here.send(attacker, INVENTORY, changingKeys(10_500, 370, generation), JSON_TYPE);
          counts[status] = (counts[status] ?? 0) + 1;
        }
        await here.untilDrained();
        for (const path of [`systems/${attacker?.system_id}/inventory/changes?limit=200`, "changes?limit=1000"])
          read.push((await here.admin(path)).status);
        return counts;
      });
      expect(read).toEqual([200, 200]);
    },
    LIMIT_MS,
  );

  test(
    "one system fills the history, and its own beats and normal documents still pass",
    async () => {
      const attacker = here.attackers[6];
      let counts: Record<number, number> = {};
      await here.endure("8.6 MB of all-new keys, 30 times", async () => {
        counts = await flood(30, 2, (index) => here.send(attacker, INVENTORY, allNew(8_600_000, index), JSON_TYPE));
        await here.untilDrained();
        return counts;
      });
      expect(counts[429]).toBeGreaterThan(0);
      expect(await here.send(attacker, BEAT, undefined)).toBe(200);
      expect(await here.send(attacker, INVENTORY, NORMAL, JSON_TYPE)).toBe(200);
    },
    LIMIT_MS,
  );

  test(
    "one system silences without end",
    async () => {
      const attacker = here.attackers[7];
      let counts: Record<number, number> = {};
      await here.endure("600 silences of 4 KB until 2099", async () => {
        counts = await floodSilences((body) => here.send(attacker, SILENCES, JSON.stringify(body), JSON_TYPE), {
          count: 600,
          endsAt: "2099-01-01T00:00:00Z",
          commentLength: 4_000,
        });
        return counts;
      });
      expect(counts[200] ?? 0).toBeLessThan(200);
    },
    LIMIT_MS,
  );

  test(
    "22 systems of one organisation toggle what matters to others",
    async () => {
      const firewall = (mask: boolean) =>
        JSON.stringify({
          fqdn: "fw.example.org",
          features: { firewall: { enabled: mask, type: "nftables" }, docker: { enabled: mask, version: "24.0.7" } },
        });
      await here.endure("22 systems toggle two features, 20 times", async () => {
        const counts = await flood(22 * 20, 22, (index) =>
          here.send(here.attackers[index % 22], INVENTORY, firewall(Math.floor(index / 22) % 2 === 0), JSON_TYPE),
        );
        await here.untilDrained();
        return counts;
      });
      for (const enabled of [true, false])
        expect(await here.send(here.neighbor, INVENTORY, firewall(enabled), JSON_TYPE)).toBe(200);
      await here.untilDrained();
      const { body } = await here.admin(`systems/${here.neighbor.system_id}/inventory/changes?limit=50`);
      const toggled = (body.data["changes"] as { field_path: string; significant: boolean }[]).filter((change) =>
        change.field_path.endsWith("firewall.enabled"),
      );
      expect(toggled.map((change) => change.significant)).not.toContain(false);
      expect(toggled.length).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});
