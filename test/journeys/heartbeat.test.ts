// A system's life as its operator sees it: added, registered, heard, silent, back, erased. Over real sockets, workers at work.
import { expect, test } from "bun:test";
import { OWNER } from "../support/actor.ts";
import { openListeningApp } from "../support/listening.ts";
import { until } from "../jobs/until.ts";

test("from the first registration to the last trace", async () => {
  await using app = await openListeningApp({ HEARTBEAT_TIMEOUT_MINUTES: "2" });
  const { token } = await app.app.api.operators.addToken(OWNER, "journey");
  const admin = async (method: string, path: string, body?: unknown) => {
    const init = { method, headers: { authorization: `Bearer ${token}` } };
    const request = body === undefined ? init : { ...init, body: JSON.stringify(body) };
    const response = await fetch(`${app.main}/api/admin${path}`, request);
    return { status: response.status, data: ((await response.json()) as { data: never }).data };
  };
  const created: { system_key: string; system_secret: string } = (
    await admin("POST", "/systems", { name: "Branch 12" })
  ).data;
  const authorization = `Basic ${btoa(`${created.system_key}:${created.system_secret}`)}`;
  const beat = async () =>
    (await fetch(`${app.main}/collect/api/systems/heartbeat`, { method: "POST", headers: { authorization } })).status;
  const status = async (): Promise<string> => (await admin("GET", `/systems/${created.system_key}`)).data["status"];
  const reaches = (wanted: string, stepMs = 0) => until(async () => (await status()) === wanted, app.clock, stepMs);

  expect(await beat()).toBe(401);
  const registered = await fetch(`${app.main}/backend/api/systems/register`, {
    method: "POST",
    body: JSON.stringify({ system_secret: created.system_secret }),
  });
  expect(registered.status).toBe(200);
  expect(await beat()).toBe(200);
  await reaches("active", 100);
  await reaches("inactive", 3_000); // small enough steps that the watch is renewed in time
  expect(await beat()).toBe(200);
  await reaches("active", 100);

  const overview = (await admin("GET", "/overview")).data;
  expect(overview["systems"]).toEqual({ total: 1, active: 1, inactive: 0, unknown: 0, suspended: 0 } as never);
  expect((await admin("POST", `/systems/${created.system_key}/suspend`)).status).toBe(200);
  expect(await beat()).toBe(401);
  expect((await admin("POST", `/systems/${created.system_key}/resume`)).status).toBe(200);
  expect(await beat()).toBe(200);
  expect((await admin("DELETE", `/systems/${created.system_key}`)).status).toBe(200);
  expect(await beat()).toBe(401);
  expect((await admin("GET", `/systems/${created.system_key}`)).status).toBe(404);
  const again = await fetch(`${app.main}/backend/api/systems/register`, {
    method: "POST",
    body: JSON.stringify({ system_secret: created.system_secret }),
  });
  expect(again.status).toBe(403);
}, 60_000);
