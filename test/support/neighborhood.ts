// Where the neighbours suite attacks: a gateway with its own PostgreSQL, attackers of one organisation, a neighbour of another.
import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "bun:test";
import type { Environment } from "../../src/config/environment.ts";
import { basic } from "./app.ts";
import { runJson, startGateway } from "./program.ts";
import type { Gateway } from "./program.ts";
import { temporaryDirectory } from "./run.ts";

export interface NeighborReport {
  answered: number;
  /** Requests that were refused or got no answer. */
  faults: string[];
  /** Of each request, by the clock: for the table, since a busy machine stretches it. */
  waitedMs: number[];
  /** CPU time of the gateway's event loop between a request and its answer. */
  behindMs: number[];
  /** Most memory that the gateway's process was seen to use. */
  largestBytes: number;
}

export interface Attacker {
  system_id: string;
  system_key: string;
  system_secret: string;
  authorization: string;
}

export interface Neighborhood extends AsyncDisposable {
  gateway: Gateway;
  /** Systems of the attackers' organisation, registered. */
  attackers: Attacker[];
  /** The neighbour, for what it reads itself. */
  neighbor: Attacker;
  /** A request of an operator. */
  admin(path: string): Promise<{ status: number; body: { data: Record<string, unknown> } }>;
  /** One request of an attacker; returns the status, 0 for no answer. */
  send(
    attacker: Attacker | undefined,
    path: string,
    body: string | Uint8Array<ArrayBuffer> | undefined,
    headers?: Record<string, string>,
  ): Promise<number>;
  /**
   * The neighbour sends while `attack` does its worst, and for `afterMs` more, when its work is done by jobs. Every request of
   * the neighbour is answered 200; 99 of 100 wait behind at most BEHIND_MS of the event loop's CPU; memory is bounded.
   */
  endure(name: string, attack: () => Promise<Record<string, number> | void>, options?: EndureOptions): Promise<Endured>;
  /** Until no job is left that waits or runs. */
  untilDrained(): Promise<void>;
}

interface Counts {
  pending: number;
  delayed: number;
  active: number;
}

export interface Endured {
  /** CPU time of the gateway's process, all its threads, the neighbour's requests included. */
  spentMs: number;
}

export interface EndureOptions {
  afterMs?: number;
  behindMs?: number;
  growthBytes?: number;
}

/** CPU time of the event loop that may stand between a neighbour's request and its answer, 99 times of 100. */
const BEHIND_MS = 400;
/** Above what the gateway used before. */
const MAX_GROWTH_BYTES = 400 * 1024 ** 2;
const AFTER_MS = 1_000;
const DRAIN_MS = 120_000;
/** NEIGHBOURS_REPORT names a file for the table of docs/durability.md. */
const REPORT = process.env["NEIGHBOURS_REPORT"];
const ATTACKERS = 4;

export async function openNeighborhood(env: Environment = {}, attackerCount = ATTACKERS): Promise<Neighborhood> {
  const dataDir = temporaryDirectory("neighbours");
  const settings = { DATA_DIR: dataDir, REGISTER_RATE_PER_MINUTE: "1000", ...env };
  const gateway = await startGateway({ env: settings });
  const { token } = await runJson<{ token: string }>(["tokens", "add", "--name", "neighbours"], { env: settings });
  const authorization = `Bearer ${token}`;

  const organization = async (name: string) => {
    const answer = await fetch(`${gateway.url}/api/admin/organizations`, {
      method: "POST",
      headers: { authorization },
      body: JSON.stringify({ name, type: "customer" }),
    });
    return ((await answer.json()) as { data: { id: string } }).data.id;
  };
  const add = async (name: string, owner: string): Promise<Attacker> => {
    const created = await fetch(`${gateway.url}/api/admin/systems`, {
      method: "POST",
      headers: { authorization },
      body: JSON.stringify({ name, organization_id: owner }),
    });
    const { data } = (await created.json()) as { data: Omit<Attacker, "authorization"> };
    const body = JSON.stringify({ system_secret: data.system_secret });
    await fetch(`${gateway.url}/api/systems/register`, { method: "POST", body });
    return { ...data, authorization: basic(data.system_key, data.system_secret) };
  };
  const [hostile, quiet] = [await organization("Attackers"), await organization("Neighbors")];
  const attackers: Attacker[] = [];
  for (let at = 0; at < attackerCount; at += 1) attackers.push(await add(`Attacker ${at}`, hostile));
  const neighbor = await add("Neighbor", quiet);

  const startNeighbor = () =>
    Bun.spawn(
      [
        process.execPath,
        join(import.meta.dir, "neighbor.ts"),
        gateway.url,
        neighbor.authorization,
        String(gateway.pid),
      ],
      {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "inherit",
      },
    );

  const untilDrained = async () => {
    const endMs = performance.now() + DRAIN_MS;
    for (;;) {
      const answer = await fetch(`${gateway.operationsUrl}/stats`);
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`/stats answered ${answer.status}: ${text}`);
      const { queues } = (JSON.parse(text) as { data: { queues: Record<string, Counts> } }).data;
      const waiting = Object.entries(queues).filter(([, one]) => one.pending + one.delayed + one.active > 0);
      if (waiting.length === 0) return;
      if (performance.now() > endMs) throw new Error(`the queues did not drain: ${JSON.stringify(waiting)}`);
      await Bun.sleep(100);
    }
  };

  return {
    gateway,
    attackers,
    neighbor,
    async admin(path) {
      const answer = await fetch(`${gateway.url}/api/admin/${path}`, { headers: { authorization } });
      return { status: answer.status, body: (await answer.json()) as { data: Record<string, unknown> } };
    },
    async send(attacker, path, body, headers = {}) {
      try {
        const answer = await fetch(`${gateway.url}${path}`, {
          method: "POST",
          headers: { ...(attacker ? { authorization: attacker.authorization } : {}), ...headers },
          ...(body === undefined ? {} : { body }),
          signal: AbortSignal.timeout(60_000),
        });
        await answer.arrayBuffer();
        return answer.status;
      } catch {
        return 0;
      }
    },
    async endure(name, attack, { afterMs = AFTER_MS, behindMs = BEHIND_MS, growthBytes = MAX_GROWTH_BYTES } = {}) {
      const restingBytes = residentBytes(gateway.pid);
      const startMs = cpuMs(gateway.pid);
      const child = startNeighbor();
      await Bun.sleep(500);
      const answers = (await attack()) ?? {};
      await Bun.sleep(afterMs);
      await child.stdin.end();
      const report = JSON.parse(await child.stdout.text()) as NeighborReport;
      const behind = percentile(report.behindMs, 0.99);
      const growth = report.largestBytes - restingBytes;
      const spentMs = cpuMs(gateway.pid) - startMs;
      tell({ name, answers, report, behind, growth, spentMs });
      expect(report.faults).toEqual([]);
      expect(report.answered).toBeGreaterThan(4);
      expect(behind).toBeLessThan(behindMs);
      expect(growth).toBeLessThan(growthBytes);
      return { spentMs };
    },
    untilDrained,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function percentile(values: readonly number[], share: number): number {
  const ascending = [...values].sort((left, right) => left - right);
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? 0;
}

const residentBytes = (pid: number) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;

/** Of all threads of the process. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

interface Outcome {
  name: string;
  answers: Record<string, number>;
  report: NeighborReport;
  behind: number;
  growth: number;
  spentMs: number;
}

/** A row of docs/durability.md. */
function tell({ name, answers, report, behind, growth, spentMs }: Outcome): void {
  const answered = Object.entries(answers)
    .map(([status, count]) => `${count} × ${status === "0" ? "none" : status}`)
    .join(", ");
  const cells = [
    name,
    answered || "–",
    `${report.answered} of ${report.answered + report.faults.length}`,
    `${Math.round(percentile(report.waitedMs, 0.99))} ms`,
    `${behind.toFixed(1)} ms`,
    `${(spentMs / 1000).toFixed(1)} s`,
    `${Math.max(0, Math.round(growth / 1024 ** 2))} MB`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
  if (REPORT) appendFileSync(REPORT, `| ${cells.join(" | ")} |\n`);
}

/** How many answers there were of each status, `atOnce` requests at a time. */
export async function flood(count: number, atOnce: number, send: (index: number) => Promise<number>) {
  const counts: Record<number, number> = {};
  for (let sent = 0; sent < count; sent += atOnce) {
    const under = Array.from({ length: Math.min(atOnce, count - sent) }, (_, index) => send(sent + index));
    for (const status of await Promise.all(under)) counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}
