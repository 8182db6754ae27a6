// Alerts and silences recorded from NS8's alert-proxy, Prometheus, vmalert, alert.py and amtool, byte for byte over a real
// socket, with a real Alertmanager behind.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { hasAlertmanager, startAlertmanager } from "../support/alertmanager.ts";
import type { TestAlertmanager } from "../support/alertmanager.ts";
import { openListeningApp } from "../support/listening.ts";
import type { ListeningApp } from "../support/listening.ts";
import { RECORDED_KEY, insertRecordedSystem, recorded } from "../support/recorded.ts";
import { exchange } from "../support/socket.ts";

describe.skipIf(!hasAlertmanager)("real clients", () => {
  let upstream: TestAlertmanager;
  let app: ListeningApp;
  beforeAll(async () => {
    upstream = await startAlertmanager();
    // The app's clock is not Alertmanager's, by which the silences below end in an hour.
    app = await openListeningApp({
      MIMIR_URL: upstream.url,
      SILENCE_MAX_DURATION: "3650d",
      LINKFAILED_SILENCE_MAX_DURATION: "3650d",
    });
    await insertRecordedSystem(app);
  }, 60_000);
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  }, 60_000);

  test.each([
    ["alerts-alert.py-fire", "DiskFull"],
    ["alerts-alert.py-resolve", "DiskFull"],
    ["alerts-amtool-add", "Foo"],
    ["alerts-ns8-alert-proxy", "DiskSpaceCritical"],
    ["alerts-prometheus-2.42", "NodeOffline"],
    ["alerts-vmalert-1.79.5-duplicate-alertname", "WanDown"],
  ])(
    "%s is answered with exactly 200 and nothing, and reaches Alertmanager",
    async (name, alertname) => {
      const answer = await exchange(app.main, await recorded(name));
      expect([answer.status, answer.body]).toEqual([200, ""]);
      const delivered = () =>
        app.database.query<{ labels: Record<string, string>; refused: string | null }>(
          `select alert -> 'labels' as labels, refused from alert_outbox
         where delivered_position = position and alert #>> '{labels,alertname}' = $1`,
          [alertname],
        );
      let found = await delivered();
      for (let tries = 0; tries < 100 && found.length === 0; tries += 1) {
        await app.clock.advance(1_000);
        await Bun.sleep(20);
        found = await delivered();
      }
      expect(found).toMatchObject([{ labels: { system_key: RECORDED_KEY }, refused: null }]);
    },
    60_000,
  );

  test.each(["silences-alert.py", "silences-amtool-add"])(
    "%s gets a silence of its own",
    async (name) => {
      // Recorded silences are over; Alertmanager takes none that are.
      const endsAt = new Date(Date.now() + 3_600_000).toISOString();
      const [head = "", body = ""] = new TextDecoder().decode(await recorded(name)).split("\r\n\r\n");
      const later = body.replace(/"endsAt": ?"[^"]+"/, `"endsAt":"${endsAt}"`);
      const request = `${head.replace(/Content-Length: \d+/, `Content-Length: ${Buffer.byteLength(later)}`)}\r\n\r\n${later}`;
      const answer = await exchange(app.main, request);
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body).silenceID).toMatch(/^[0-9a-f-]{36}$/);
    },
    60_000,
  );

  test.each(["alerts-amtool-query", "silences-amtool-query"])(
    "%s gets a list",
    async (name) => {
      const answer = await exchange(app.main, await recorded(name));
      expect([answer.status, Array.isArray(JSON.parse(answer.body))]).toEqual([200, true]);
    },
    60_000,
  );

  test("amtool's expire of a silence that is not there is a 404 that it can read", async () => {
    const answer = await exchange(app.main, await recorded("silences-amtool-expire"));
    expect([answer.status, typeof JSON.parse(answer.body)]).toEqual([404, "string"]);
  }, 60_000);
});
