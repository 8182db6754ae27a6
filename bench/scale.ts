// Measures answers and costs with a fleet of 10,000 systems (`--systems 100000` for the full size): p99 of pages and searches, and what
// one more inventory costs compared with a fleet of 1,000.
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { openDatabase } from "../src/adapters/postgres/database.ts";
import { openFlatten } from "../src/domains/facts/flatten.ts";
import { factProjection } from "../src/domains/facts/project.ts";
import { parseExact } from "../src/values/json/value.ts";
import type { JsonObject } from "../src/values/json/value.ts";
import type { NewestInventory, Projection } from "../src/domains/inventory/index.ts";
import { openTestApp } from "../test/support/app.ts";
import type { TestApp, TestSystem } from "../test/support/app.ts";
import { createTestDatabase } from "../test/support/postgres.ts";
import { testLog } from "../test/support/run.ts";
import { buildFleet, DIFFS_PER_SYSTEM, FLATTEN, RECORDS_PER_SYSTEM } from "./support/fleet.ts";

const SMALL_FLEET = 1_000;
const TURNS = 200;
const TARGET_P99_MS = 200;
/** Systems whose documents grow old during the bench, and how many times each sends a new one. */
const SENDERS = 100;
const STEPS = 10;
const WARM_UP_STEPS = 2;

export async function benchScale(systems: number) {
  await using small = await openFleet(SMALL_FLEET);
  await using large = await openFleet(systems);
  return {
    bench: "scale",
    systems,
    records: systems * RECORDS_PER_SYSTEM,
    diffs: systems * DIFFS_PER_SYSTEM,
    build_s: large.buildSeconds,
    load_average: loadavg().map(rounded),
    p99_target_ms: TARGET_P99_MS,
    answers: await measureAnswers(large.muster, systems),
    one_more_inventory: await measureCosts(small, large),
  };
}

interface Fleet extends AsyncDisposable {
  muster: TestApp;
  buildSeconds: number;
}

async function openFleet(systems: number): Promise<Fleet> {
  const made = await createTestDatabase();
  const limits = { REGISTER_RATE_PER_MINUTE: "100000", INVENTORY_RATE_PER_MINUTE: "100000" };
  const muster = await openTestApp(limits, made);
  const patient = openDatabase(made.connection, { maxConnections: 1, log: testLog, queryTimeoutMs: 600_000 });
  const startMs = performance.now();
  await buildFleet(patient, systems);
  await patient.close();
  return {
    muster,
    buildSeconds: Math.round((performance.now() - startMs) / 1000),
    async [Symbol.asyncDispose]() {
      await muster[Symbol.asyncDispose]();
      await made[Symbol.asyncDispose]();
    },
  };
}

async function measureAnswers(muster: TestApp, systems: number) {
  const anySystem = (turn: number) =>
    `NOC-${(((turn * 7919) % systems) + 1).toString(16).toUpperCase().padStart(8, "0")}`;
  const q = (text: string) => encodeURIComponent(text);
  let listCursor = "";
  let feedCursor = "";
  const requests: Record<string, (turn: number) => string> = {
    list_page: () => `systems?limit=50${listCursor}`,
    list_search: (turn) => `systems?limit=50&search=gw${(turn * 31) % systems}.`,
    system_page: (turn) => `systems/${anySystem(turn)}`,
    changes_page: (turn) => `systems/${anySystem(turn)}/inventory/changes?limit=50`,
    timeline_page: (turn) => `systems/${anySystem(turn)}/inventory/timeline`,
    feed_page: () => `changes?limit=100${feedCursor}`,
    feed_page_significant: () => `changes?limit=100&significant=true${feedCursor}`,
    search_version: (turn) => `inventory/query?q=${q(`facts.distro.version = 8.${turn % 7}.0`)}`,
    search_unique: (turn) => `inventory/query?q=${q(`facts.features.own1 = own-1-${(turn * 31) % systems}`)}`,
    search_half: () => `inventory/query?q=${q("facts.features.f0 = state0")}`,
    search_exists: () => `inventory/query?q=${q("facts.features.f1 exists")}`,
    search_missing: () => `inventory/query?q=${q("facts.features.nothing missing")}`,
    search_two: () =>
      `inventory/query?q=${q("facts.distro.version >= 8.3 and facts.features.f3 != state1")}&status=active`,
    search_any_module: (turn) => `inventory/query?q=${q(`facts.modules.*.version = ${turn % 15}.1.0`)}&type=ns8`,
    facets: () => `inventory/facets?path=facts.distro.version`,
    facets_of_search: () => `inventory/facets?path=facts.distro.version&q=${q("facts.features.f0 = state0")}`,
    facets_unique: () => `inventory/facets?path=facts.features.own0`,
    outliers: (turn) => `inventory/outliers?type=${turn % 2 ? "ns8" : "nsec"}`,
    paths: (turn) => `inventory/paths?search=f${turn % 40}`,
    overview: () => `overview`,
  };
  const answers: Record<string, { p50_ms: number; p99_ms: number; within_target: boolean }> = {};
  for (const [name, pathOf] of Object.entries(requests)) {
    const times: number[] = [];
    for (let turn = 0; turn < TURNS + 5; turn++) {
      const startMs = performance.now();
      const answer = await muster.admin<{ next_cursor?: string }>("GET", `/api/admin/${pathOf(turn)}`);
      if (turn >= 5) times.push(performance.now() - startMs);
      if (answer.status !== 200) throw new Error(`${name}: ${answer.text}`);
      const next = answer.body.data.next_cursor;
      if (name === "list_page") listCursor = next ? `&cursor=${next}` : "";
      if (name.startsWith("feed")) feedCursor = next ? `&after=${next}` : "";
    }
    times.sort((left, right) => left - right);
    const at = (share: number) => rounded(times[Math.ceil(times.length * share) - 1] ?? Number.NaN);
    answers[name] = { p50_ms: at(0.5), p99_ms: at(0.99), within_target: at(0.99) < TARGET_P99_MS };
  }
  return answers;
}

interface Samples {
  pipeline: number[];
  keep: number[];
  keepCpu: number[];
}

/**
 * Of one inventory among many: through the whole pipeline, and of the facts alone, with real documents of 45 KB. The two fleets
 * take turns, so whatever else the machine does falls on both.
 */
async function measureCosts(...fleets: [small: Fleet, large: Fleet]) {
  const text = readFileSync(`${import.meta.dir}/../test/support/fixtures/inventories/ns8-inventory.json`, "utf8");
  const sides = await Promise.all(
    fleets.map(async ({ muster }) => ({
      muster,
      senders: await addSenders(muster),
      keep: factProjection(openFlatten(FLATTEN)),
      samples: { pipeline: [], keep: [], keepCpu: [] } as Samples,
    })),
  );
  for (let step = 0; step < STEPS; step++)
    for (const { muster, senders, samples } of sides) {
      const ms = await sendAll(muster, senders, text, step);
      if (step >= WARM_UP_STEPS) samples.pipeline.push(ms);
    }
  for (let step = STEPS; step < STEPS * 5; step++)
    for (const { muster, senders, keep, samples } of sides) {
      const { ms, cpuMs } = await keepAll(muster, senders, keep, text, step);
      if (step < STEPS + WARM_UP_STEPS) continue;
      samples.keep.push(ms);
      samples.keepCpu.push(cpuMs);
    }
  const [small, large] = sides.map(({ samples }) => ({
    pipeline_ms: median(samples.pipeline),
    keep_ms: median(samples.keep),
    keep_cpu_ms: rounded(samples.keepCpu.reduce((sum, ms) => sum + ms, 0) / samples.keepCpu.length),
  }));
  if (!small || !large) throw new Error("two fleets are compared");
  return {
    with_1000_systems: small,
    with_all: large,
    ratio_pipeline: rounded(large.pipeline_ms / small.pipeline_ms),
    ratio_keep: rounded(large.keep_ms / small.keep_ms),
    ratio_keep_cpu: rounded(large.keep_cpu_ms / small.keep_cpu_ms),
    target_ratio: "1 ± 0.2",
  };
}

async function addSenders(muster: TestApp): Promise<TestSystem[]> {
  const senders: TestSystem[] = [];
  for (let at = 0; at < SENDERS; at++) senders.push(await muster.addSystem(`Sender ${at}`));
  return senders;
}

async function sendAll(muster: TestApp, senders: TestSystem[], text: string, step: number): Promise<number> {
  const startMs = performance.now();
  const posts = senders.map(({ authorization }, at) =>
    muster.request("POST", "/api/systems/inventory", { authorization, body: evolve(text, at, step) }),
  );
  const refused = (await Promise.all(posts)).find(({ status }) => status >= 300);
  if (refused) throw new Error(`not accepted: ${refused.text}`);
  await muster.clock.advance(60_000);
  await muster.app.runner.drain();
  return (performance.now() - startMs) / SENDERS;
}

async function keepAll(muster: TestApp, senders: TestSystem[], keep: Projection, text: string, step: number) {
  const newest = senders.map(({ system_id }, at): NewestInventory => ({
    systemId: system_id,
    recordId: crypto.randomUUID(),
    receivedAt: muster.clock.now(),
    previousRecordId: null,
    partialReasons: [],
    document: parseExact(evolve(text, at, step)) as JsonObject,
  }));
  Bun.gc(true);
  return muster.database.transaction(async (tx) => {
    const [row] = await tx.query<{ pid: number }>("select pg_backend_pid() as pid");
    const pid = row?.pid ?? 0;
    const own = process.cpuUsage();
    const serverMs = serverCpuMs(pid);
    const startMs = performance.now();
    await keep(tx, newest);
    const ms = (performance.now() - startMs) / SENDERS;
    const { user, system } = process.cpuUsage(own);
    return { ms, cpuMs: ((user + system) / 1000 + serverCpuMs(pid) - serverMs) / SENDERS };
  });
}

/** A hundredth of a second is what Linux counts in. */
function serverCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** About 20 places change: figures that always move, three modules upgraded, a count, and a name that only this system has. */
function evolve(text: string, sender: number, step: number): string {
  let upgraded = 0;
  return text
    .replace(/"uptime_seconds": ?\d+/g, `"uptime_seconds": ${1_000_000 + step * 3600 + sender}`)
    .replace(/"used_bytes": ?\d+/g, `"used_bytes": ${5_000_000 + step * 977 + sender}`)
    .replace(/"version": ?"(\d+)\.(\d+)\.(\d+)"/g, (all, major, minor) =>
      upgraded++ % 17 === step % 17 ? `"version": "${major}.${minor}.${step}"` : all,
    )
    .replace(/"total_users": ?\d+/, `"total_users": ${sender * 100 + step}`)
    .replace(/"ui_name": ?"Produzione[^"]*"/, `"ui_name": "Sender ${sender} at ${step}"`);
}

const median = (times: number[]) =>
  rounded(times.toSorted((left, right) => left - right)[times.length >> 1] ?? Number.NaN);
const rounded = (value: number) => Number(value.toPrecision(3));

if (import.meta.main) {
  const { values } = parseArgs({ options: { systems: { type: "string", default: "10000" } } });
  console.log(JSON.stringify(await benchScale(Number(values.systems)), null, 2));
}
