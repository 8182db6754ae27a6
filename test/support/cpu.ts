// Measures work in CPU time of this process, which a busy machine does not stretch as it does the clock.

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
