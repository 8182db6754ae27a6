// GET /systems/info: what an appliance's subscription page shows.
import { expect, test } from "bun:test";
import { openTestApp } from "../../support/app.ts";
import { backendsOf, cpuSpent } from "../../support/cpu.ts";

test("answers in the shape that subscription pages read", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem("Branch 12", { organization: "acme" });
  for (const prefix of ["/api", "/collect/api"]) {
    const { status, body, headers } = await app.request("GET", `${prefix}/systems/info`, {
      authorization: system.authorization,
    });
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toEqual({
      code: 200,
      message: "system info retrieved successfully",
      data: {
        system_id: system.system_id,
        system_key: system.system_key,
        name: "Branch 12",
        type: null,
        fqdn: null,
        status: "unknown",
        suspended: false,
        suspended_at: null,
        deleted: false,
        deleted_at: null,
        registered: true,
        registered_at: "2026-01-01T00:00:00.000Z",
        created_at: "2026-01-01T00:00:00.000Z",
        organization: {
          id: "acme",
          logto_id: "acme",
          name: "Owner",
          type: "owner",
          suspended: false,
          suspended_at: null,
        },
        rebranding_enabled: false,
      },
    });
  }
}, 60_000);

test("shows the status that beats have given", async () => {
  await using app = await openTestApp();
  const { authorization } = await app.addSystem();
  await app.request("POST", "/api/systems/heartbeat", { authorization });
  await app.app.runner.drain();
  const { body } = await app.request<{ status: string }>("GET", "/api/systems/info", { authorization });
  expect(body.data.status).toBe("active");
}, 60_000);

test("answers for a few milliseconds of CPU among many systems", async () => {
  await using app = await openTestApp();
  await app.database.query(
    `insert into systems (id, name, organization_id, system_key, created_at)
     select gen_random_uuid(), 'System ' || n, 'default', 'KEY-' || n, now() from generate_series(1, 20000) n`,
  );
  const { authorization } = await app.addSystem();
  const info = () => app.request("GET", "/api/systems/info", { authorization });
  await info();
  const pids = [process.pid, ...(await backendsOf(app.database))];
  const before = cpuSpent(pids);
  for (let count = 0; count < 20; count += 1) expect((await info()).status).toBe(200);
  expect((cpuSpent(pids) - before) / 20).toBeLessThan(20);
}, 60_000);

test("says 404 to a system that was erased while it was still trusted, and 401 to strangers", async () => {
  await using app = await openTestApp();
  const { authorization, system_id } = await app.addSystem();
  await app.request("GET", "/api/systems/info", { authorization });
  await app.database.query("delete from systems where id = $1", [system_id]); // behind the gateway's back
  const answer = await app.request("GET", "/api/systems/info", { authorization });
  expect([answer.status, answer.body.message]).toEqual([404, "system not found"]);
  expect((await app.request("GET", "/api/systems/info")).status).toBe(401);
}, 60_000);
