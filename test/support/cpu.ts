// Measures work in CPU time of this process, which a busy machine does not stretch as it does the clock.
import { readFileSync } from "node:fs";
import type { Queryable } from "../../src/ports/database.ts";

/** Milliseconds of CPU that the work took. */
export async function cpuOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** The least of several runs at each size: what the work costs without the collector and the compiler, which come at random. */
export async function cpuBySize(
  sizes: readonly number[],
  work: (size: number) => unknown,
  runs = 3,
): Promise<number[]> {
  await work(sizes[0] ?? 0);
  const costs: number[] = [];
  for (const size of sizes) {
    let least = Infinity;
    for (let run = 0; run < runs; run += 1) least = Math.min(least, await cpuOf(() => work(size)));
    costs.push(least);
  }
  return costs;
}

/** Processes of the PostgreSQL that answer for this database, to be counted with our own. */
export async function backendsOf({ query }: Queryable): Promise<number[]> {
  const rows = await query<{ pid: number }>("select pid from pg_stat_activity where datname = current_database()");
  return rows.map(({ pid }) => pid);
}

/** Milliseconds of CPU that these processes of this machine have spent so far; 0 for one that has ended. */
export function cpuSpent(pids: number[]): number {
  const nanoseconds = pids.map((pid) => {
    try {
      return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      return 0;
    }
  });
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}
