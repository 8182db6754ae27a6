// One request, or many, that cost the gateway far more than the sender: a neighbour of another organisation is answered as ever.
import { afterAll, beforeAll, describe, test } from "bun:test";
import { flood, openNeighborhood } from "../support/neighborhood.ts";
import type { Neighborhood } from "../support/neighborhood.ts";
import { startAlertmanager } from "../support/alertmanager.ts";
import type { TestAlertmanager } from "../support/alertmanager.ts";
import { tryInventedKeys } from "../support/attacks/logins.ts";
import { endlessNumber } from "../support/attacks/numbers.ts";

const LIMIT_MS = 180_000;
const ALERTS = "/collect/api/services/mimir/alertmanager/api/v2/alerts";
const INVENTORY = "/collect/api/systems/inventory";
const JSON_TYPE = { "content-type": "application/json" };

let alertmanager: TestAlertmanager;
let here: Neighborhood;
beforeAll(async () => {
  alertmanager = await startAlertmanager();
  // Behind a proxy, so that an attacker may come from many addresses. Credentials are looked up again each second.
  here = await openNeighborhood({
    MIMIR_URL: alertmanager.url,
    TRUSTED_PROXIES: "127.0.0.1",
    SYSTEM_AUTH_CACHE_TTL: "1s",
  });
}, 60_000);
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await alertmanager[Symbol.asyncDispose]();
}, 60_000);

const attacker = (index = 0) => here.attackers[index % here.attackers.length];

describe("a neighbour is answered while", () => {
  test(
    "templates are made to be slow",
    () =>
      here.endure("templates of blanks, digits, variables and long labels, 1,800 in 60 posts", () => {
        const templates = [
          `${" ".repeat(65_000)}x{{- 1}}`,
          `{{${"1".repeat(65_000)}e}}`,
          Array.from({ length: 4_000 }, (_, at) => `{{$a${at}:=1}}`).join(""),
          `{{printf "${"%[1].0s".repeat(8_000)}" .long}}`,
          "{{range 9000}}{{$x := printf `%.0v` $}}{{end}}",
        ];
        return flood(60, 3, (index) => {
          const alerts = Array.from({ length: 10 }, (_, at) => ({
            labels: { alertname: `Slow${index}`, at: String(at), long: "é".repeat(1_000) },
            annotations: { a: templates[at % 5], b: templates[(at + 1) % 5], c: templates[(at + 2) % 5] },
          }));
          return here.send(attacker(index), ALERTS, JSON.stringify(alerts), JSON_TYPE);
        });
      }),
    LIMIT_MS,
  );

  test(
    "10,000 alerts have dates that no calendar has",
    () =>
      here.endure("10,000 alerts that begin on 30 February, 10 posts", () => {
        const alerts = Array.from({ length: 10_000 }, (_, at) => ({
          labels: { alertname: "Never", at: String(at) },
          startsAt: "2026-02-30T10:00:00Z",
        }));
        return flood(10, 2, () => here.send(attacker(), ALERTS, JSON.stringify(alerts), JSON_TYPE));
      }),
    LIMIT_MS,
  );

  test(
    "a document is one number of nine million digits",
    () =>
      here.endure("a number of 9,000,000 digits, 10 times", () =>
        flood(10, 2, () => here.send(attacker(), INVENTORY, endlessNumber(9_000_000), JSON_TYPE)),
      ),
    LIMIT_MS,
  );

  test(
    "strangers from 2,000 addresses try keys that nobody has",
    () =>
      here.endure("20,000 invented keys from 2,000 addresses", () =>
        tryInventedKeys(
          (address, authorization) =>
            here.send(undefined, "/collect/api/systems/heartbeat", undefined, {
              authorization,
              "x-forwarded-for": address,
            }),
          { from: (index) => `198.19.${(index >> 3) & 7}.${index % 250}`, count: 20_000, atOnce: 64 },
        ),
      ),
    LIMIT_MS,
  );
});
