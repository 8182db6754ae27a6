// Refuses what comes too often: a 429 with a wait that stays small, because clients obey it to the letter.
import { Failure } from "../../errors.ts";
import type { Budget, Limiter } from "../../ports/limiter.ts";

export type { NoteThrottled } from "../throttle-notes.ts";

interface Refusal {
  /** Of the Failure. */
  code: string;
  sentence: string;
  /** However long the budget is used up. */
  mostSeconds?: number;
  /** `data` of the answer, which may repeat the wait. */
  data?(retryAfterSeconds: number): Record<string, unknown>;
}

const MOST_SECONDS = 5;

export function tooMany(
  { code, sentence, mostSeconds = MOST_SECONDS, data }: Refusal,
  waitSeconds = Infinity,
): Failure {
  const retryAfterSeconds = Math.min(Math.max(waitSeconds, 1), mostSeconds);
  return new Failure(code, 429, sentence, { retryAfterSeconds, ...(data && { data: data(retryAfterSeconds) }) });
}

/** Takes one from the budget of a key, or throws the 429. */
export async function requireBudget(limiter: Limiter, key: string, budget: Budget, refusal: Refusal): Promise<void> {
  const waitSeconds = await limiter.take(key, budget);
  if (waitSeconds > 0) throw tooMany(refusal, waitSeconds);
}
