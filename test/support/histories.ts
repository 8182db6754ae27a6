// Gives tests of pruning systems with a history of any age on the real store, and what people read of it.
import { randomUUIDv7 } from "bun";
import { readDocument } from "../../src/domains/inventory/intake/document.ts";
import { encodeIncoming } from "../../src/domains/inventory/intake/payload.ts";
import type { PruneReport } from "../../src/domains/inventory/retention/prune.ts";
import type { TestApp, TestSystem } from "./app.ts";
import { readHistory } from "./history.ts";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

interface Taken {
  system: TestSystem;
  pushes: { payload: string }[];
}

export interface Step {
  days: number;
  document: unknown;
}

export function openHistories(muster: TestApp) {
  const dataText = async (path: string) => {
    const { text } = await muster.admin("GET", path);
    return text.slice(text.indexOf('"data":') + 7, -1);
  };
  const base = (system: TestSystem) => `/api/admin/systems/${system.system_key}/inventory`;
  const historyOf = async (system: TestSystem) => (await readHistory(dataText, system.system_key)).recordIds;
  const now = () => muster.clock.now().getTime();

  /** As the record queue gets it when it was received then. */
  const received = (system: TestSystem, document: unknown, timeMs: number) => {
    const { text, hash, size, repaired } = readDocument(new TextEncoder().encode(JSON.stringify(document)));
    const receivedAt = new Date(timeMs);
    const id = randomUUIDv7("hex", timeMs);
    const one = {
      id,
      systemId: system.system_id,
      receivedAt,
      hash,
      size,
      repaired,
      facts: {},
      partialReasons: [],
      text,
    };
    return { id, payload: encodeIncoming(one) };
  };

  const takeAll = async (all: Taken[]) => {
    const jobs = all.flatMap(({ system, pushes }) =>
      pushes.map(({ payload }) => ({ queue: "collect:inventory", lane: system.system_id, payload })),
    );
    await muster.app.queue.push(jobs);
    await muster.app.runner.drain();
  };
  const take = (system: TestSystem, pushes: { payload: string }[]) => takeAll([{ system, pushes }]);

  /** A system whose documents came so many days ago. Returns their ids, oldest first. */
  const addHistory = async (steps: Step[]) => {
    const system = await muster.addSystem();
    const pushes = steps.map(({ days, document }) => received(system, document, now() - days * DAY_MS));
    await take(system, pushes);
    return { system, ids: pushes.map((one) => one.id) };
  };

  return { dataText, base, historyOf, now, received, take, takeAll, addHistory };
}

export const stage = (report: PruneReport, name: string) => report.stages.find((one) => one.stage === name);
export const total = (report: PruneReport, column: "deleted" | "kept" | "bytes_freed") =>
  report.stages.reduce((sum, one) => sum + one[column], 0);

/** Different each time, in a list that is also reordered. */
export const document = (step: number) => ({
  installation: "nethserver",
  facts: {
    distro: { version: `8.${step}` },
    big: 12345678901234567890n.toString(),
    modules: Array.from({ length: 4 }, (_one, at) => ({
      id: `m${(at + step) % 5}`,
      module: "x",
      version: `${step >> 2}`,
    })),
  },
});
