// Assembles the inventories: documents as they came, the chain that they form, what changed along it, and what derives from it.
import type { DomainWith } from "../../domain.ts";
import { openBatcher } from "../../jobs/batcher.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Limiter } from "../../ports/limiter.ts";
import type { Push, Queue } from "../../ports/queue.ts";
import type { FindingVerbs } from "../findings/index.ts";
import type { Systems } from "../systems/index.ts";
import { adminRoutes } from "./admin.ts";
import { openInventoryApi } from "./api.ts";
import type { InventoryApi } from "./api.ts";
import { importInventories } from "./import.ts";
import type { ImportedInventory, Refused } from "./import.ts";
import { findGaps } from "./diff/gaps.ts";
import type { Gap } from "./diff/gaps.ts";
import { encodeRecordId, PROJECT_QUEUE } from "./intake/payload.ts";
import { openSweep } from "./intake/memory.ts";
import { openCompare, openLargeDocuments } from "./large/thread.ts";
import type { Noise } from "../noise/index.ts";
import { openRecentDocuments } from "./chain/recent.ts";
import { pipeline } from "./pipeline.ts";
import { PRUNE_SCHEDULE, pruneJob } from "./retention/prune.ts";
import { openReceiver } from "./intake/receive.ts";
import { applianceRoutes } from "./routes.ts";
import type { InventorySettings } from "./settings.ts";
import type { RulesInForce } from "./rules/in-force.ts";
import { projectionJob } from "./projections.ts";
import type { NewestInventory, Projection } from "./projections.ts";
import type { JsonObject, JsonValue } from "../../values/json/value.ts";

export type { JsonObject, JsonValue, NewestInventory, Projection };
export type { ImportedInventory, Gap, Refused, RulesInForce };
export { settings } from "./settings.ts";
export { openRulesInForce } from "./rules/in-force.ts";

interface InventoryDeps {
  database: Database;
  queue: Queue;
  clock: Clock;
  limiter: Limiter;
  /** Rejects with a 503 while the queue holds more than it may. */
  admit(): Promise<void>;
  maxBodyBytes: number;
  /** What other domains derive of each system's newest inventory; they add theirs while they open. */
  projections: readonly Projection[];
  settings: InventorySettings;
  api: {
    systems: Pick<Systems, "authenticate" | "show" | "recordFacts">;
    /** Tells noise from news. */
    noise: Pick<Noise, "known" | "suppress" | "placeOf" | "observe" | "flush">;
    findings: Pick<FindingVerbs, "raiseChanges" | "resolveReturned" | "countExpired" | "deleteExpired">;
  };
  rulesInForce: Pick<RulesInForce<unknown>, "rules" | "ruleSet" | "fault" | "isUnread">;
}

export interface Inventory extends InventoryApi {
  /** Imports inventories that another service received, each system's in order, and raises nothing. Returns what was refused. */
  importInventories(rows: ImportedInventory[], dryRun: boolean): Promise<Refused[]>;
  /** Projects these systems' newest records again. */
  reproject(newest: { systemId: string; recordId: string }[]): Promise<void>;
  /** What a document lacks because it could not be collected, as far as the document itself tells. */
  gapsOf: typeof findGaps;
}

/** Documents of one push; more wait for the next, which leaves as soon as this one is durable. */
const MAX_BATCH = 100;
const MAX_BATCH_BYTES = 16 * 1024 ** 2;

export function open({ settings, api, ...shared }: InventoryDeps): DomainWith<Inventory> {
  const deps = {
    ...shared,
    maxBytes: shared.maxBodyBytes,
    ratePerMinute: settings.ratePerMinute,
    budgets: settings,
    noise: api.noise,
    findings: api.findings,
    authenticate: api.systems.authenticate,
    showSystem: api.systems.show,
  };
  const { database, queue, clock, findings } = deps;
  const { rules } = deps.rulesInForce;
  const batcher = openBatcher<Push>({
    maxItems: MAX_BATCH,
    maxBytes: MAX_BATCH_BYTES,
    bytesOf: (push) => push.payload.length,
    flush: (pushes) => queue.push(pushes),
  });
  const large = openLargeDocuments({ clock });
  const sweep = openSweep();
  const receiver = openReceiver({
    ...deps,
    large,
    sweep,
    push: (push) => batcher.add(push),
  });
  const compare = openCompare({ rules: deps.rulesInForce, large });
  const verbs = openInventoryApi({ ...deps, compare });
  const { noise, projections } = deps;
  const recent = openRecentDocuments();
  const pipelineDeps = {
    database,
    clock,
    rules,
    compare,
    sweep,
    recent,
    noise,
    findings,
    projections,
    recordFacts: api.systems.recordFacts,
  };
  const inventory: Inventory = {
    ...verbs,
    importInventories: (rows, dryRun) =>
      importInventories({ ...pipelineDeps, database: database.patient() }, rows, dryRun),
    reproject: (newest) =>
      queue.push(
        newest.map(({ systemId, recordId }) => ({
          queue: PROJECT_QUEUE,
          payload: encodeRecordId(recordId),
          lane: systemId,
        })),
      ),
    gapsOf: findGaps,
  };
  return {
    api: inventory,
    applianceRoutes: applianceRoutes({ ...deps, receiver }),
    adminRoutes: adminRoutes(verbs),
    jobs: [...pipeline(pipelineDeps), projectionJob(pipelineDeps), pruneJob(deps)],
    schedules: [PRUNE_SCHEDULE],
    checks: [
      {
        name: "inventory rules",
        async run() {
          const fault = deps.rulesInForce.fault();
          if (fault !== undefined && deps.rulesInForce.isUnread()) throw new Error(fault);
          return fault;
        },
        advice:
          "A running gateway keeps the rules it had; one that starts now refuses to. See docs/inventory-rules.md.",
        well: () => (settings.rulesFile ? `${settings.rulesFile} has no fault.` : "The built-in rules are in force."),
      },
    ],
    async stop() {
      await batcher.close();
      await large.close();
    },
  };
}
