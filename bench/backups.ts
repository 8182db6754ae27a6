// Measures backups: MB/s into a directory and into S3 against draining and hashing the same body, memory, fairness, long lists.
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SQL } from "bun";
import type { Environment } from "../src/config/environment.ts";
import { createTestDatabase } from "../test/support/postgres.ts";
import { diskDirectory } from "../test/support/run.ts";
import { openTestApp } from "../test/support/app.ts";
import { openBenchGateway } from "./support/gateway.ts";
import type { BenchGateway } from "./support/gateway.ts";
import { encodeRequest, median, rounded, runLoad } from "./support/load.ts";

const MB = 1e6;
const ROUND_BYTES = 512 * 1024 ** 2;
const LARGE_BYTES = 2 * 1024 ** 3;
const SLOW_BYTES = 200 * 1024 ** 2;
const ROUNDS = 3;
const LISTED = 10_000;
/** Beside the uploads: as many connections as appliances that beat in the same moment. */
const BEATING = 8;
const FAIR_MS = 8_000;

const UNLIMITED: Environment = {
  BACKUP_RATE_LIMIT_PER_MINUTE: "0",
  BACKUP_RATE_LIMIT_PER_HOUR: "0",
  BACKUP_MAX_SIZE_PER_SYSTEM: "5GB",
  BACKUP_MAX_PER_SYSTEM: "1",
};

export async function benchBackups() {
  const directory = diskDirectory("bench-bodies");
  const body = (bytes: number) => sparseFile(join(directory, String(bytes)), bytes);
  const files = { round: body(ROUND_BYTES), large: body(LARGE_BYTES), slow: body(SLOW_BYTES) };
  try {
    const stored = await benchDirectory(files);
    const s3 = await benchS3(files);
    return { bench: "backups", ...stored, ...s3, ...(await benchList()) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function benchDirectory(files: { round: string; large: string }) {
  await using gateway = await openBenchGateway(4 + BEATING, UNLIMITED);
  await using ceiling = await startChild("drain.ts");
  const [authorization = ""] = gateway.authorizations;
  const rounds: { ours: number; ceiling: number }[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const once = {
      ceiling: await send(ceiling.url, files.round, ROUND_BYTES),
      ours: await send(uploadUrl(gateway), files.round, ROUND_BYTES, authorization),
    };
    // The first one warms up.
    if (round > 0) rounds.push(once);
  }
  const growth = await growthDuring(gateway, () => send(uploadUrl(gateway), files.large, LARGE_BYTES, authorization));
  return {
    directory_mb_per_second: Math.round(median(rounds.map((one) => one.ours))),
    ceiling_mb_per_second: Math.round(median(rounds.map((one) => one.ceiling))),
    directory_ratio: rounded(median(rounds.map((one) => one.ours / one.ceiling))),
    directory_target: 0.7,
    growth_mb_at_2_gib: growth,
    growth_target_mb: 64,
    ...(await benchFairness(gateway, files.round)),
  };
}

/** Heartbeats on connections of their own while four uploads run as fast as they can. */
async function benchFairness(gateway: BenchGateway, file: string) {
  const [uploading, beating] = [gateway.authorizations.slice(0, 4), gateway.authorizations.slice(4)];
  const beats = beating.map((authorization) =>
    encodeRequest("POST", "/collect/api/systems/heartbeat", { authorization }, ""),
  );
  let at = 0;
  const load = () =>
    runLoad({
      url: gateway.url,
      connections: BEATING,
      next: () => beats[(at += 1) % beats.length],
      durationMs: FAIR_MS,
    });
  const alone = await load();
  const endMs = performance.now() + FAIR_MS;
  const speeds: number[] = [];
  const uploads = uploading.map(async (authorization) => {
    while (performance.now() < endMs) speeds.push(await send(uploadUrl(gateway), file, ROUND_BYTES, authorization));
  });
  const beside = await load();
  await Promise.all(uploads);
  return {
    heartbeat_p99_ms_alone: alone.p99Ms,
    heartbeat_p99_ms_beside_uploads: beside.p99Ms,
    heartbeat_p99_target_ms: 50,
    heartbeats_per_second_beside_uploads: Math.round(beside.perSecond),
    uploads_beside_heartbeats_mb_per_second: Math.round(median(speeds) * uploading.length),
  };
}

async function benchS3(files: { round: string; large: string; slow: string }) {
  const s3 = (endpoint: string): Environment => ({
    ...UNLIMITED,
    S3_ENDPOINT: endpoint,
    S3_ACCESS_KEY: "key",
    S3_SECRET_KEY: "secret",
    BACKUP_S3_BUCKET: "bucket",
    BACKUP_S3_USE_PATH_STYLE: "true",
  });
  await using ceiling = await startChild("drain.ts");
  await using sink = await startChild("null-s3.ts");
  const rounds: { ours: number; ceiling: number }[] = [];
  let growth = 0;
  {
    await using gateway = await openBenchGateway(1, s3(sink.url));
    const [authorization = ""] = gateway.authorizations;
    for (let round = 0; round <= ROUNDS; round += 1) {
      const once = {
        ceiling: await send(ceiling.url, files.round, ROUND_BYTES),
        ours: await send(uploadUrl(gateway), files.round, ROUND_BYTES, authorization),
      };
      if (round > 0) rounds.push(once);
    }
    growth = await growthDuring(gateway, () => send(uploadUrl(gateway), files.large, LARGE_BYTES, authorization));
  }
  await using slow = await startChild("null-s3.ts", "slow");
  await using gateway = await openBenchGateway(1, s3(slow.url));
  const [authorization = ""] = gateway.authorizations;
  let slowSpeed = 0;
  const slowGrowth = await growthDuring(gateway, async () => {
    slowSpeed = await send(uploadUrl(gateway), files.slow, SLOW_BYTES, authorization);
  });
  return {
    s3_mb_per_second: Math.round(median(rounds.map((one) => one.ours))),
    s3_ratio: rounded(median(rounds.map((one) => one.ours / one.ceiling))),
    s3_target: 0.6,
    s3_growth_mb_at_2_gib: growth,
    s3_slow_mb_per_second: Math.round(slowSpeed),
    s3_slow_growth_mb: slowGrowth,
  };
}

async function benchList() {
  await using fixture = await createTestDatabase();
  await using app = await openTestApp({}, fixture);
  const system = await app.addSystem();
  const database = new SQL(fixture.url);
  await database`
    insert into backups (id, system_id, organization_id, object_key, extension, filename, media_type, size, sha256,
      encryption, uploaded_at, checked_at)
    select gen_random_uuid(), s.id, 'default', 'k' || n, '.gpg', 'dump.json.gz.gpg', 'application/octet-stream', n,
      encode(sha256(n::text::bytea), 'hex'), 'encrypted', now() - n * interval '1 hour', now()
    from systems s, generate_series(1, ${LISTED}) n`;
  await database`vacuum analyze backups`;
  await database.close();
  const tookMs: number[] = [];
  let bytes = 0;
  for (let round = 0; round < 11; round += 1) {
    const startMs = performance.now();
    const { authorization } = system;
    const request = new Request("http://localhost/api/systems/backups", { headers: { authorization } });
    bytes = (await (await app.app.handle(request)).arrayBuffer()).byteLength;
    tookMs.push(performance.now() - startMs);
  }
  return { list_of_10000_ms: rounded(median(tookMs)), list_target_ms: 50, list_mb: rounded(bytes / MB) };
}

const uploadUrl = (gateway: BenchGateway) => `${gateway.url}/api/systems/backups`;

/** MB/s of one upload by curl, which is what appliances use. */
async function send(url: string, file: string, bytes: number, authorization = ""): Promise<number> {
  const startMs = performance.now();
  const headers = ["-H", `Authorization: ${authorization}`, "-H", "Expect:"];
  const child = Bun.spawn(["curl", "-sS", "-f", "-o", "/dev/null", "-X", "POST", "-T", file, ...headers, url], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  if ((await child.exited) !== 0) throw new Error(`an upload failed: ${await child.stderr.text()}`);
  return bytes / MB / ((performance.now() - startMs) / 1000);
}

/** By how many MB the gateway's resident memory was above where it began, at most. */
async function growthDuring(gateway: BenchGateway, work: () => Promise<unknown>): Promise<number> {
  const resident = () =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.pid}/status`, "utf8"))?.[1]) / 1000;
  const before = resident();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, resident())), 50);
  await work();
  clearInterval(timer);
  return Math.round(most - before);
}

function sparseFile(path: string, bytes: number): string {
  const file = openSync(path, "w");
  ftruncateSync(file, bytes);
  closeSync(file);
  return path;
}

async function startChild(script: string, ...args: string[]) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "support", script), ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const dispose = async () => {
    child.kill();
    await child.exited;
  };
  return { url: new TextDecoder().decode(value).trim(), [Symbol.asyncDispose]: dispose };
}

if (import.meta.main) {
  console.log(JSON.stringify(await benchBackups(), null, 2));
}
