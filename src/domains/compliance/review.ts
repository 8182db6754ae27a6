// Reviews once a minute whether every system was evaluated by the rules and versions of now; the others are swept in rounds.
import type { JobHandler } from "../../domain.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Push } from "../../ports/queue.ts";
import type { FindingVerbs } from "../findings/index.ts";
import { sweepRound } from "./evaluate.ts";
import type { EvaluateDeps } from "./evaluate.ts";
import type { Policy } from "./policy.ts";
import { REVIEW_QUEUE, SWEEP_QUEUE } from "./schema.ts";
import * as store from "./store.ts";
import type { Review } from "./store.ts";
import { compareVersions, parseVersion } from "../../values/version.ts";

interface ReviewDeps extends EvaluateDeps {
  findings: Pick<FindingVerbs, "reconcile" | "raiseRegistrations" | "resolveUnregistered" | "ageEvents">;
  /** Days without a further change after which a finding on a change is resolved. */
  changeResolvesAfterDays(): number;
  /** Projects these systems' newest records again. */
  reproject(newest: { systemId: string; recordId: string }[]): Promise<void>;
}

/** Systems evaluated in one transaction; about 50 ms. */
const ROUND = 200;
const MAX_ROWS = 1_000;
/** How late a registration can become visible: clocks of gateways differ, and transactions take time. */
const REGISTRATION_LAG_MS = 10 * 60_000;

export function reviewJobs({ database, ...others }: ReviewDeps): JobHandler[] {
  const deps: ReviewDeps = { ...others, database: database.patient() };
  const one = { batch: 1, batchBytes: 1024, concurrency: 1, leaseMs: 15_000 };
  return [
    { queue: REVIEW_QUEUE, ...one, handle: async () => [await review(deps)] },
    // Safe to repeat: which systems are left is in their own rows, and judging one twice changes nothing.
    { queue: SWEEP_QUEUE, ...one, handle: async () => [(await sweepRound(deps, ROUND)) > 0 ? [SWEEP] : []] },
  ];
}

const SWEEP: Push = { queue: SWEEP_QUEUE, payload: "" };

/** Also resumes a sweep that got lost: each minute pushes a keyed one, as long as a system is left to evaluate. */
async function review(deps: ReviewDeps): Promise<Push[]> {
  const { database, clock, findings } = deps;
  const policy = deps.policy();
  const now = clock.now();
  const inForce = await database.transaction(async (tx) => {
    const before = await store.lockReview(tx);
    const mostCommon = await findMostCommon(tx, policy.mostCommonOf);
    const isSame =
      before.review > 0 &&
      before.fingerprint === policy.fingerprint &&
      Bun.deepEquals(before.mostCommon, mostCommon, true);
    const after = {
      ...before,
      review: isSame ? before.review : before.review + 1,
      fingerprint: policy.fingerprint,
      mostCommon,
      newSystemsSince: policy.newSystem ? watchSince(before, now) : null,
    };
    await store.updateReview(tx, after);
    return { ...after, newSystemsSince: before.newSystemsSince ?? after.newSystemsSince };
  });
  await listEarlier(deps, inForce.listedTo);
  if (policy.newSystem && inForce.newSystemsSince) {
    const { severity } = policy.newSystem;
    await findings.raiseRegistrations(database, { since: inForce.newSystemsSince, severity }, now);
  }
  await findings.resolveUnregistered(database, now);
  const days = { change: deps.changeResolvesAfterDays(), new_system: policy.newSystem?.resolveAfterDays ?? 0 };
  await findings.ageEvents(database, days, now);
  const [left] = await store.findUnevaluated(database, inForce.review, 1);
  return left ? [{ ...SWEEP, key: `sweep@${now.toISOString().slice(0, 16)}` }] : [];
}

/** Never before the moment the rule was turned on: systems that were there before are not new. */
function watchSince({ newSystemsSince }: Review, now: Date): Date {
  const lagged = new Date(now.getTime() - REGISTRATION_LAG_MS);
  return newSystemsSince === null ? now : newSystemsSince < lagged ? lagged : newSystemsSince;
}

/** By type. Of two equally common versions the newer one counts: of two systems, the older version is behind. */
async function findMostCommon(tx: Queryable, types: readonly string[]): Promise<Record<string, string>> {
  const best = new Map<string, { version: string; count: number }>();
  if (types.length === 0) return {};
  for (const { type, version, count } of await store.countVersions(tx, types)) {
    const parsed = parseVersion(version);
    if (!parsed) continue;
    const known = best.get(type);
    const knownVersion = known && parseVersion(known.version);
    const isBetter =
      !known ||
      count > known.count ||
      (count === known.count && knownVersion !== undefined && compareVersions(parsed, knownVersion) > 0);
    if (isBetter) best.set(type, { version, count });
  }
  return Object.fromEntries([...best].map(([type, { version }]) => [type, version]));
}

/** After an upgrade: inventories that came before are looked at too. Repeating a part of it changes nothing. */
async function listEarlier({ database, reproject }: ReviewDeps, listedTo: string | null): Promise<void> {
  if (listedTo === null) return;
  const unlisted = await store.findUnlisted(database, listedTo, MAX_ROWS);
  if (unlisted.length > 0) await reproject(unlisted);
  await store.setListedTo(database, unlisted.length < MAX_ROWS ? null : (unlisted.at(-1)?.systemId ?? null));
}
