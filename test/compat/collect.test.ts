// Requests recorded from real appliances, byte for byte over a real socket.
import { expect, test } from "bun:test";
import { openListeningApp } from "../support/listening.ts";
import { RECORDED_KEY, insertRecordedSystem, recorded } from "../support/recorded.ts";
import { exchange, openConnection } from "../support/socket.ts";

const body = (text: string): { code: number; message: string; data: Record<string, unknown> } => JSON.parse(text);

test("NS8's heartbeat has no body, no length and no type, and is acknowledged", async () => {
  await using app = await openListeningApp();
  await insertRecordedSystem(app);
  const answer = await exchange(app.main, await recorded("ns8-heartbeat"));
  expect(answer.status).toBe(200);
  expect(body(answer.body)).toEqual({
    code: 200,
    message: "heartbeat acknowledged",
    data: { system_key: RECORDED_KEY, acknowledged: true, last_heartbeat: "2026-01-01T00:00:00.000Z" },
  });
}, 60_000);

test("NS8's inventory is accepted as curl sends it", async () => {
  await using app = await openListeningApp();
  await insertRecordedSystem(app);
  const answer = await exchange(app.main, await recorded("ns8-inventory-small"));
  expect(answer.status).toBe(200);
  expect(body(answer.body).data).toMatchObject({ queue_status: "queued", data_size: 149, changes_detected: true });
}, 60_000);

test("an inventory that is empty because its collector crashed is refused and stores nothing", async () => {
  await using app = await openListeningApp();
  await insertRecordedSystem(app);
  const answer = await exchange(app.main, await recorded("ns8-inventory-empty-body"));
  expect(answer.status).toBe(400);
  expect(body(answer.body).data).not.toBeNull();
  const [row] = await app.database.query<{ count: number }>("select count(*)::integer as count from jobs");
  expect(row?.count).toBe(0);
}, 60_000);

test("what curl makes of a redirect, a POST without its body, is refused in words", async () => {
  await using app = await openListeningApp();
  await insertRecordedSystem(app);
  for (const name of ["ns8-inventory-after-301-body-dropped", "ns8-heartbeat-after-301"]) {
    const answer = await exchange(app.main, await recorded(name));
    expect([answer.status, body(answer.body).message]).toEqual([404, "api not found"]);
  }
  const text = new TextDecoder().decode(await recorded("ns8-inventory-after-301-body-dropped"));
  const answer = await exchange(app.main, text.replace("/other", "/collect/api/systems/inventory"));
  expect(answer.status).toBe(400);
}, 60_000);

test("NethSecurity registers, then asks for its subscription", async () => {
  await using app = await openListeningApp();
  await insertRecordedSystem(app, { registered: false });
  expect((await exchange(app.main, await recorded("nsec-info"))).status).toBe(401);
  const registered = await exchange(app.main, await recorded("nsec-register"));
  expect([registered.status, body(registered.body).data["system_key"]]).toEqual([200, RECORDED_KEY]);
  const info = await exchange(app.main, await recorded("nsec-info"));
  expect(info.status).toBe(200);
  const { data } = body(info.body);
  expect(data).toMatchObject({ system_key: RECORDED_KEY, name: "Recorded", registered: true, suspended: false });
  expect(data["organization"]).toMatchObject({ name: "Owner" });
  const again = await exchange(app.main, await recorded("nsec-register"));
  expect(again.status).toBe(409);
}, 60_000);

test("one connection carries request after request", async () => {
  await using app = await openListeningApp();
  await insertRecordedSystem(app);
  using connection = await openConnection(app.main);
  const heartbeat = await recorded("ns8-heartbeat");
  for (const request of [heartbeat, await recorded("nsec-info"), await recorded("ns8-inventory-small"), heartbeat]) {
    connection.write(request);
    expect((await connection.answer()).status).toBe(200);
  }
}, 60_000);

test("no path that appliances use is ever answered with a redirect", async () => {
  await using app = await openListeningApp();
  const paths = ["heartbeat", "heartbeat/", "inventory", "inventory/", "register", "info/", "unregister"];
  for (const prefix of ["/api", "/collect/api", "/backend/api"]) {
    for (const path of paths) {
      const method = path.startsWith("info") ? "GET" : "POST";
      const response = await fetch(`${app.main}${prefix}/systems/${path}`, { method, redirect: "manual" });
      expect(`${path} ${response.status}`).toMatch(/ (400|401)$/);
    }
  }
}, 60_000);
