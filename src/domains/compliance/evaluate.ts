// Evaluates systems by the policy in force and reconciles their findings, under locks on the systems' rows.
import type { Clock } from "../../ports/clock.ts";
import type { Database, Queryable } from "../../ports/database.ts";
import type { ConditionFinding, FindingVerbs } from "../findings/index.ts";
import type { NewestInventory, Projection } from "../inventory/index.ts";
import type { Policy } from "./policy.ts";
import { listInstalled, mergeInstalled } from "./products.ts";
import type { Installed } from "./products.ts";
import * as store from "./store.ts";
import type { Inputs, Review } from "./store.ts";

export interface EvaluateDeps {
  database: Database;
  clock: Clock;
  policy(): Policy;
  findings: Pick<FindingVerbs, "reconcile">;
}

/** Kinds of findings that a policy leads to. */
const KINDS = ["version", "advisory"] as const;

/** Findings of one statement, which takes all of a system or none. */
const MAX_WANTED = 5_000;

/**
 * Stores what the newest inventories say is installed, and evaluates it at once. A process that has read another policy than the
 * one in force does not evaluate: it marks the systems for the sweep of the next review.
 */
export function openProjection({ clock, policy, findings }: Omit<EvaluateDeps, "database">): Projection {
  return async (tx, newest) => {
    const systemIds = newest.map((one) => one.systemId);
    const known = newest.some(isPartial) ? await store.findInstalled(tx, systemIds) : new Map<string, Installed[]>();
    const products = newest.map((one) => ({ systemId: one.systemId, installed: installedOf(one, known) }));
    const [review, current] = [await store.findReview(tx), policy()];
    const isInForce = review.review > 0 && review.fingerprint === current.fingerprint;
    await store.upsertInstalled(tx, products, isInForce ? review.review : 0);
    if (isInForce) await evaluate(tx, findings, { systemIds, review, policy: current, now: clock.now() });
  };
}

const isPartial = (one: NewestInventory) => one.partialReasons.length > 0;

function installedOf(newest: NewestInventory, known: ReadonlyMap<string, Installed[]>): Installed[] {
  const mentioned = listInstalled(newest.document);
  return isPartial(newest) ? mergeInstalled(known.get(newest.systemId) ?? [], mentioned) : mentioned;
}

/** Evaluates at most `limit` systems that were last evaluated under an earlier review. Returns how many. */
export async function sweepRound({ database, clock, policy, findings }: EvaluateDeps, limit: number): Promise<number> {
  return database.transaction(async (tx) => {
    const [review, current] = [await store.findReview(tx), policy()];
    if (review.fingerprint !== current.fingerprint) return 0;
    const systemIds = await store.findUnevaluated(tx, review.review, limit);
    if (systemIds.length === 0) return 0;
    await store.lockSystems(tx, systemIds);
    await evaluate(tx, findings, { systemIds, review, policy: current, now: clock.now() });
    await store.markEvaluated(tx, systemIds, review.review);
    return systemIds.length;
  });
}

interface Evaluation {
  systemIds: string[];
  review: Review;
  policy: Policy;
  now: Date;
}

/** The caller locks the systems' rows, so nothing that is read here changes before the findings are written. */
async function evaluate(
  tx: Queryable,
  findings: EvaluateDeps["findings"],
  { systemIds, review, policy, now }: Evaluation,
): Promise<void> {
  const mostCommon = new Map(Object.entries(review.mostCommon));
  let wanted: ConditionFinding[] = [];
  let evaluated: string[] = [];
  for (const system of await store.findInputs(tx, systemIds)) {
    for (const cause of policy.evaluate(withOwnVersion(system), mostCommon))
      wanted.push({ systemId: system.systemId, ...cause });
    evaluated.push(system.systemId);
    if (wanted.length < MAX_WANTED) continue;
    await findings.reconcile(tx, { kinds: KINDS, systemIds: evaluated, wanted }, now);
    [wanted, evaluated] = [[], []];
  }
  if (evaluated.length > 0) await findings.reconcile(tx, { kinds: KINDS, systemIds: evaluated, wanted }, now);
}

/** The version a system is listed with counts where its inventory names none of its nodes'. */
function withOwnVersion({ type, version, installed }: Inputs): Installed[] {
  if (type === null || version === null || installed.some((one) => one.product === type)) return installed;
  return [...installed, { product: type, instance: "", version }];
}
