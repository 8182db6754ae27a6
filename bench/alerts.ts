// Measures posts of alerts acknowledged when durable, per second, against a bare Bun.serve JSON echo under the same load; and how long
// 10,000 LinkFailed alerts take to fire on a real Alertmanager.
import { join } from "node:path";
import { openApp } from "../src/app/open.ts";
import { parseConfig } from "../src/app/settings.ts";
import { openLog } from "../src/log.ts";
import { hasAlertmanager, startAlertmanager } from "../test/support/alertmanager.ts";
import { createTestDatabase } from "../test/support/postgres.ts";
import { startChild } from "./support/child.ts";
import { openBenchGateway } from "./support/gateway.ts";
import { encodeRequest, median, rounded, runLoad } from "./support/load.ts";
import type { LoadResult } from "./support/load.ts";

const SYSTEMS = 500;
const CONNECTIONS = 256;
const ROUNDS = 3;
const ROUND_MS = 4_000;
const WARM_UP_MS = 2_000;
const LINKS = 10_000;
const ORGANIZATIONS = 10;

/** One alert as vmalert sends it. */
const BODY = await Bun.file(
  join(import.meta.dir, "../test/domains/alerts/payloads/alerts-nsec-vmalert-1.79-duplicate-keys.json"),
).text();

export async function benchAlerts() {
  const accepted = await benchAccepted();
  return { bench: "alerts", accepted, ...(hasAlertmanager && { link_failed: await benchLinkFailed() }) };
}

async function benchAccepted() {
  await using sink = await startChild("sink.ts");
  await using echo = await startChild("echo.ts");
  await using gateway = await openBenchGateway(SYSTEMS, { MIMIR_URL: sink.url, ALERTS_RATE_PER_MINUTE: "1000000" });
  const path = "/collect/api/services/mimir/alertmanager/api/v2/alerts";
  const requests = gateway.authorizations.map((authorization) =>
    encodeRequest("POST", path, { authorization, "content-type": "application/json" }, BODY),
  );
  let at = 0;
  const next = () => requests[(at += 1) % requests.length];
  const load = (url: string, durationMs: number) => runLoad({ url, connections: CONNECTIONS, next, durationMs });
  for (const { url } of [gateway, echo]) await load(url, WARM_UP_MS);
  const rounds: { ours: LoadResult; ceiling: LoadResult }[] = [];
  // In turns, so that a machine that drifts drifts for both.
  for (let round = 0; round < ROUNDS; round += 1) {
    const ceiling = await load(echo.url, ROUND_MS);
    rounds.push({ ceiling, ours: await load(gateway.url, ROUND_MS) });
  }
  return {
    connections: CONNECTIONS,
    target: 0.3,
    ours_per_second: Math.round(median(rounds.map(({ ours }) => ours.perSecond))),
    ceiling_per_second: Math.round(median(rounds.map(({ ceiling }) => ceiling.perSecond))),
    ratio: rounded(median(rounds.map(({ ours, ceiling }) => ours.perSecond / ceiling.perSecond))),
    p50_ms: median(rounds.map(({ ours }) => ours.p50Ms)),
    p99_ms: median(rounds.map(({ ours }) => ours.p99Ms)),
    refused: Object.assign({}, ...rounds.map(({ ours }) => ours.refused)),
  };
}

async function benchLinkFailed() {
  await using upstream = await startAlertmanager();
  await using made = await createTestDatabase();
  // No organisation is a site here: every link is to ring by itself.
  const config = parseConfig({
    DATABASE_URL: made.url,
    DATA_DIR: "/nonexistent",
    MIMIR_URL: upstream.url,
    SITE_UNREACHABLE_PERCENT: "100",
  });
  const app = await openApp(config, {
    role: "serve",
    log: openLog({ level: "error", format: "text" }),
    version: "bench",
  });
  try {
    await made.database.query(
      `with added as (
         insert into systems (id, name, organization_id, system_key, created_at, registered_at, status)
         select gen_random_uuid(), 'system ' || n, 'organization ' || n % $2, 'NOC-' || n, now(), now(), 'inactive'
         from generate_series(1, $1::int) n returning id
       )
       insert into system_heartbeats (system_id, last_heartbeat) select id, now() - interval '1 hour' from added`,
      [LINKS, ORGANIZATIONS],
    );
    const startedMs = performance.now();
    await app.scheduler.tick("link-failed", new Date(0));
    await app.runner.drain();
    const seconds = (performance.now() - startedMs) / 1000;
    const againMs = performance.now();
    await app.scheduler.tick("link-failed", new Date(3_600_000 * 24));
    await app.runner.drain();
    return {
      links: LINKS,
      target_seconds: 30,
      seconds: rounded(seconds),
      seconds_when_resent: rounded((performance.now() - againMs) / 1000),
      held_by_alertmanager: (await upstream.alerts()).length,
    };
  } finally {
    await app.stop();
  }
}

if (import.meta.main) console.log(JSON.stringify(await benchAlerts(), null, 2));
