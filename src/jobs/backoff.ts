// Decides how long to wait before a retry: of a failed job, an unreachable queue, a dependency that is away.

/** Attempts of a job that fails by itself; then it becomes a dead letter. */
export const MAX_ATTEMPTS = 5;

/** 5 s after the first attempt, then 10 s, 20 s … at most 5 min. */
export const retryDelayMs = (attempt: number, random: number) =>
  jittered(doubling(5_000, attempt - 1, 300_000), random);

/** Delay between two attempts to reach the queue: 250 ms, 500 ms … at most 2 s, so that work resumes soon after it is back. */
export const queueOutageDelayMs = (failures: number) => doubling(250, failures - 1, 2_000);

/**
 * Delay before work that failed because a dependency (database, object store) was away is claimed again: 1 s, 2 s … at most 30 s.
 * A job that has failed like this for long waits a tenth of its age, at most 1 min: it may be the cause itself.
 */
export function dependencyOutageDelayMs(failures: number, ageMs: number, random: number): number {
  return jittered(Math.max(doubling(1_000, failures - 1, 30_000), Math.min(ageMs / 10, 60_000)), random);
}

function doubling(firstMs: number, times: number, capMs: number): number {
  return Math.min(capMs, firstMs * 2 ** Math.max(0, times));
}

/** Shortens a delay by up to a fifth, to spread jobs that failed together. */
const jittered = (ms: number, random: number) => Math.round(ms * (1 - random / 5));
