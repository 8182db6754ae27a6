// Checks health in the answers about systems, computed from stored status changes, inventories, changes and alerts.
import { expect, test } from "bun:test";
import { openTestApp } from "../../support/app.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";

interface Shown {
  system_key: string;
  health: { score: number | null; reasons: { code: string; points: number; sentence: string }[] };
}

const detail = async (muster: TestApp, system: TestSystem) =>
  (await muster.admin<Shown>("GET", `/api/admin/systems/${system.system_key}`)).body.data.health;
const list = async (muster: TestApp, query = "") =>
  (await muster.admin<{ systems: Shown[] }>("GET", `/api/admin/systems?limit=200${query}`)).body.data.systems;

const DAY_MS = 86_400_000;
const flip = (muster: TestApp, system: TestSystem, status: "active" | "inactive") =>
  muster.database.query(
    `with changed as (update systems set status = $2 where id = $1)
     insert into system_status_changes (system_id, status, changed_at) values ($1, $2, $3)`,
    [system.system_id, status, muster.clock.now()],
  );

test("the list and the detail say the same of each system", async () => {
  await using muster = await openTestApp();
  const [never, good, bad] = [await muster.addSystem("a"), await muster.addSystem("b"), await muster.addSystem("c")];
  await flip(muster, good, "active");
  await flip(muster, bad, "active");
  await muster.clock.advance(10 * DAY_MS);
  await flip(muster, bad, "inactive");
  await muster.clock.advance(10 * DAY_MS);
  await muster.request("POST", "/api/systems/inventory", {
    authorization: good.authorization,
    body: '{"os":{"type":"x"}}',
  });
  await muster.app.runner.drain();
  expect(await detail(muster, never)).toMatchObject({ score: null, reasons: [{ code: "unknown" }] });
  expect(await detail(muster, good)).toEqual({ score: 100, reasons: [] });
  expect(await detail(muster, bad)).toMatchObject({
    score: 40,
    reasons: [
      { code: "silent", points: 40, sentence: "Heard for 50 % of the time since 2026-01-01, and silent now." },
      { code: "no_inventory", points: 20 },
    ],
  });
  const shown = await list(muster);
  for (const system of [never, good, bad])
    expect(shown.find((one) => one.system_key === system.system_key)?.health).toEqual(await detail(muster, system));
}, 60_000);

test("open alerts and many changes take points off, until they are resolved or old", async () => {
  await using muster = await openTestApp();
  const system = await muster.addSystem();
  await flip(muster, system, "active");
  const firewall = (version: string, ports: number[]) =>
    JSON.stringify({
      installation: "nethsecurity",
      facts: {
        distro: { name: "NethSecurity", version },
        open: Object.fromEntries(ports.map((port) => [`p${port}`, true])),
      },
    });
  const post = async (body: string) => {
    await muster.request("POST", "/api/systems/inventory", { authorization: system.authorization, body });
    await muster.clock.advance(1_000);
    await muster.app.runner.drain();
  };
  await post(firewall("8.5.0", []));
  await post(
    firewall(
      "8.6.0",
      Array.from({ length: 60 }, (_, port) => port),
    ),
  );
  expect((await detail(muster, system)).reasons.map((one) => one.code)).toEqual(["many_changes", "high_alerts"]);
  const [alert] = (await muster.admin<{ alerts: { id: string }[] }>("GET", "/api/admin/inventory/alerts")).body.data
    .alerts;
  await muster.admin("POST", `/api/admin/inventory/alerts/${alert?.id}/resolve`);
  expect((await detail(muster, system)).reasons.map((one) => one.code)).toEqual(["many_changes"]);
  await muster.clock.advance(8 * DAY_MS);
  await post(
    firewall(
      "8.6.0",
      Array.from({ length: 61 }, (_, port) => port),
    ),
  );
  expect(await detail(muster, system)).toEqual({ score: 100, reasons: [] });
}, 60_000);

test("time a system was suspended says nothing about it", async () => {
  await using muster = await openTestApp();
  const system = await muster.addSystem();
  await flip(muster, system, "active");
  await muster.clock.advance(10 * DAY_MS);
  const path = `/api/admin/systems/${system.system_key}`;
  expect((await muster.admin("POST", `${path}/suspend`)).status).toBe(200);
  expect((await muster.admin("POST", `${path}/suspend`)).status).toBe(200);
  await flip(muster, system, "inactive");
  await muster.clock.advance(5 * DAY_MS);
  expect((await detail(muster, system)).reasons.map((one) => one.code)).toEqual(["no_inventory"]);
  expect((await muster.admin("POST", `${path}/resume`)).status).toBe(200);
  await flip(muster, system, "active");
  await muster.clock.advance(5 * DAY_MS);
  expect((await detail(muster, system)).reasons.map((one) => one.code)).toEqual(["no_inventory"]);
}, 60_000);
