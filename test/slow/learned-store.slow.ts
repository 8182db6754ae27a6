// Noise that teaches itself, on the real store: what a fleet learns, what operators pin, and what people read of both.
import { expect, test } from "bun:test";
import { LEARN_SCHEDULE } from "../../src/domains/noise/learn.ts";
import { openTestApp } from "../support/app.ts";
import { makeFleet } from "../support/fleet.ts";
import { isTrue, readHistory } from "../support/history.ts";

const STEP_MS = 8 * 3_600_000;

interface NoisePath {
  path: string;
  rate: number;
  pin: string | null;
  state: string;
}

interface Row {
  record_id: string;
  field_path: string;
  noise_path: string | null;
  significant: boolean;
  suppressed: string | null;
  folded: string | null;
  rate: number | null;
}

test("a fleet learns, says so in the changes, obeys pins, and its chains stay true", async () => {
  await using muster = await openTestApp();
  const list = async () =>
    (await muster.admin<{ paths: NoisePath[] }>("GET", "/api/admin/inventory/noise")).body.data.paths;
  const pin = (path: string, how: string | null) =>
    muster.admin("POST", "/api/admin/inventory/noise", { path, pin: how });
  const changesOf = async (key: string, query = "") =>
    (await muster.admin<{ changes: Row[] }>("GET", `/api/admin/systems/${key}/inventory/changes?limit=1000${query}`))
      .body.data.changes;
  const fleet = await Promise.all(
    makeFleet(77, 25, "nsec").map(async ({ appliance }, number) => ({
      appliance,
      system: await muster.addSystem(`fleet ${number}`, number === 24 ? { organization: "a neighbour" } : {}),
    })),
  );
  const step = async () => {
    for (const { appliance, system } of fleet) {
      const body = JSON.stringify(appliance.next().document);
      const { authorization } = system;
      const { status } = await muster.request("POST", "/api/systems/inventory", { authorization, body });
      expect(status).toBe(200);
    }
    await muster.app.runner.drain();
    // As the scheduler does every hour.
    await muster.app.queue.push([{ queue: LEARN_SCHEDULE.queue, payload: muster.clock.now().toISOString() }]);
    await muster.app.runner.drain();
    await muster.clock.advance(STEP_MS);
  };
  const key = fleet[0]?.system.system_key ?? "";
  const newest = async (of = key) => {
    const rows = await changesOf(of);
    return rows.filter((row) => row.record_id === rows[0]?.record_id);
  };
  const place = "facts.features.firewall_stats.conntrack_entries";
  const rowOf = async (path: string) => (await newest()).find((row) => row.noise_path === path);

  await step();
  await step();
  expect(await rowOf(place)).toMatchObject({ significant: true, suppressed: null });
  for (let steps = 0; steps < 15; steps++) await step();
  expect(await rowOf(place)).toMatchObject({ significant: false, suppressed: "learned" });
  const neighbour = await newest(fleet[24]?.system.system_key);
  expect(neighbour.find((row) => row.noise_path === place)).toMatchObject({ significant: true, rate: null });
  expect((await list()).find(({ path }) => path === place)).toMatchObject({
    rate: expect.any(Number),
    state: "learned",
    learned_by: 1,
    organizations: 2,
    systems: 25,
  });
  expect((await list()).length).toBeLessThan(100);

  expect((await pin(place, "show")).body.data).toMatchObject({ path: place, pin: "show", state: "pinned: show" });
  expect((await pin("facts.mountpoints.*.used_bytes", "show")).status).toBe(200);
  expect((await pin("facts.memory.system.used_bytes", "suppress")).status).toBe(200);
  await step();
  expect(await rowOf(place)).toMatchObject({ significant: true, suppressed: null });
  expect(await rowOf("facts.mountpoints.*.used_bytes")).toMatchObject({ significant: true, suppressed: null });
  expect(await rowOf("facts.memory.system.used_bytes")).toMatchObject({ significant: false, suppressed: "pinned" });
  expect(await rowOf("facts.uptime_seconds")).toMatchObject({ significant: false, suppressed: "rule" });
  for (const row of await newest()) expect(row.folded).toBe(row.suppressed);

  expect((await pin(place, null)).body.data).toMatchObject({ pin: null, state: "learned" });
  await step();
  expect(await rowOf(place)).toMatchObject({ significant: false, suppressed: "learned" });

  for (const { system } of fleet.slice(0, 6)) {
    const get = async (path: string) => {
      const { text } = await muster.admin("GET", path);
      return text.slice(text.indexOf('"data":') + 7, -1);
    };
    expect(isTrue(await readHistory(get, system.system_key))).toBe(true);
  }
}, 240_000);
