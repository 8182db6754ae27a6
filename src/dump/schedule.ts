// Dumps by timetable into the object store, the newest of them kept.
import type { PostgresConnection } from "../adapters/postgres/database.ts";
import type { Domain } from "../domain.ts";
import type { Clock } from "../ports/clock.ts";
import type { ObjectStore } from "../ports/objects.ts";
import { stampOf } from "./upgrade.ts";
import { openDump } from "./write.ts";

interface ScheduledDumpsDeps {
  connection: PostgresConnection;
  objects: ObjectStore;
  clock: Clock;
  version: string;
  /** Cron expression in UTC; undefined: no scheduled dumps. */
  cron: string | undefined;
  keep: number;
}

const DUMP_QUEUE = "muster:dump";
/** Backups' keys have three segments, so the two never collide. */
const DUMP_PREFIX = "muster-dumps/";
const NAME = /^muster-dumps\/muster-\d{8}T\d{6}Z\.tar\.zst$/;

export function scheduledDumps(deps: ScheduledDumpsDeps): Domain {
  const { cron } = deps;
  if (cron === undefined) return {};
  return {
    schedules: [{ name: "dump", cron, queue: DUMP_QUEUE }],
    jobs: [
      {
        queue: DUMP_QUEUE,
        batch: 1,
        batchBytes: 1024,
        concurrency: 1,
        leaseMs: 120_000,
        async handle(jobs) {
          for (const { payload } of jobs) await dumpOnce(deps, new Date(payload));
        },
      },
    ],
  };
}

/** Safe to repeat: the tick's time names the object, and an existing one is complete. Objects are left out: they are in that store already. */
async function dumpOnce({ connection, objects, clock, version, keep }: ScheduledDumpsDeps, tick: Date): Promise<void> {
  const key = `${DUMP_PREFIX}muster-${stampOf(tick)}.tar.zst`;
  if (!(await objects.head(key))) {
    const { bytes } = openDump({ connection, version, at: clock.now() });
    await objects.put(key, bytes, { length: undefined, contentType: "application/zstd", metadata: () => ({}) });
  }
  const kept: string[] = [];
  for await (const { key: one } of objects.list(DUMP_PREFIX)) if (NAME.test(one)) kept.push(one);
  for (const old of kept.sort().slice(0, Math.max(0, kept.length - keep))) await objects.remove(old);
}
