// Ids of jobs: made by whoever pushes, so that a push that may have run can be told apart from one that did not.
import type { Clock } from "../../../ports/clock.ts";

/** Sorts in push order within one process; between processes as well as their clocks agree. */
export function openIds(clock: Clock): () => string {
  const process = base36(Math.floor(Math.random() * 36 ** 6), 6);
  let newestMs = 0;
  let serial = 0;
  return () => {
    const nowMs = clock.now().getTime();
    if (nowMs > newestMs) [newestMs, serial] = [nowMs, 0];
    serial += 1;
    return base36(newestMs, 9) + process + base36(serial, 5);
  };
}

const base36 = (value: number, digits: number) => value.toString(36).padStart(digits, "0");

/** Ids also come from operators; an id that no job can have is not found. */
export const isId = (id: string) => /^[0-9a-z]{20}$/.test(id);
