// Bounds how much history a system and its organization add in a day; what is normal gets through even then.
import { Failure } from "../../../errors.ts";
import type { Limiter } from "../../../ports/limiter.ts";
import { LARGE_BYTES } from "../large/thread.ts";
import type { Standing } from "./budget-store.ts";

export interface Budgets {
  /** Bytes a day, UTC: documents as received, and the values of what changed. */
  perSystem: number;
  perOrganization: number;
}

/** Once the budget is used up, so many documents of at most LARGE_BYTES are still taken: real ones are far smaller. */
export const NORMAL_AN_HOUR = { limit: 4, windowMs: 3_600_000 };

/** Rejects with a 429 for a document of so many bytes that the budget has no room for. */
export async function checkBudget(
  { limiter, budgets }: { limiter: Limiter; budgets: Budgets },
  systemId: string,
  size: number,
  { bySystem, byOrganization }: Pick<Standing, "bySystem" | "byOrganization">,
): Promise<void> {
  const over =
    bySystem + size > budgets.perSystem
      ? `this system may add ${inMegabytes(budgets.perSystem)} of inventory history a day`
      : byOrganization + size > budgets.perOrganization
        ? `the systems of this organization may add ${inMegabytes(budgets.perOrganization)} of inventory history a day`
        : undefined;
  if (over === undefined) return;
  const isNormal = size <= LARGE_BYTES;
  if (isNormal && (await limiter.take(`inventory-over:${systemId}`, NORMAL_AN_HOUR)) === 0) return;
  throw new Failure(
    "inventory.budget",
    429,
    `${over}; until midnight (UTC) only ${NORMAL_AN_HOUR.limit} inventories an hour of up to ${LARGE_BYTES / 1024} KB are taken`,
    { retryAfterSeconds: 5 },
  );
}

const inMegabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`;
