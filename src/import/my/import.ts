// Imports what a NethServer "my" database holds, page by page; each step is safe to repeat, so an interrupted import goes on.
import type { ImportedAlert } from "../../domains/alerts/index.ts";
import type { ImportedInventory, Refused } from "../../domains/inventory/index.ts";
import type { ImportedOrganization } from "../../domains/organizations/index.ts";
import type { ImportedSystem } from "../../domains/systems/index.ts";
import type { Database } from "../../ports/database.ts";
import { insertChanges, readProgress, writeProgress } from "./progress.ts";
import { openTally } from "./report.ts";
import type { Report, Tally } from "./report.ts";
import type { Since, Source, SourceSystem } from "./source.ts";

/** The domains that store it. Each leaves alone what is there; with `dryRun` it only reads. */
interface Target {
  database: Database;
  /** Ids of those that were there already. */
  importOrganizations(rows: ImportedOrganization[], dryRun: boolean): Promise<Set<string>>;
  /** By id: "imported", "there", or a sentence that says why it cannot be. */
  importSystems(rows: ImportedSystem[], dryRun: boolean): Promise<Map<string, string>>;
  /** Secrets of systems that were deleted there answer 403 here too. */
  importErasedSecrets(secrets: { public: string; sha256: string; erasedAt: Date }[]): Promise<void>;
  importBeats(beats: { systemId: string; at: Date }[]): Promise<number>;
  importInventories(rows: ImportedInventory[], dryRun: boolean): Promise<Refused[]>;
  /** How many were new. */
  importHistory(rows: ImportedAlert[], dryRun: boolean): Promise<number>;
}

export interface ImportDeps {
  source: Source;
  target: Target;
  dryRun: boolean;
  now: Date;
  signal: AbortSignal;
  /** Systems looked at, of how many. */
  onProgress(done: number, total: number): void;
}

const PAGE = 500;
/** Systems whose inventories are imported together, and how many of each at once: bounded by 200 documents. */
const SYSTEMS = 20;
const RECORDS_EACH = 10;
const CHANGES_EACH = 200;
/** Younger rows may still get older neighbors: transactions of the source last up to 30 s. */
const SETTLED_MS = 5 * 60_000;
const DELETED = "deleted there; its secret still answers 403";
const HASH = /^[0-9a-f]{2,}:[0-9a-f]{64}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export async function importMy(deps: ImportDeps): Promise<Report> {
  const tally = openTally();
  await importOrganizations(deps, tally);
  const total = await deps.source.countSystems();
  let done = 0;
  for await (const page of pages(
    (after) => deps.source.systems(after, PAGE),
    (row) => row.id,
  )) {
    deps.signal.throwIfAborted();
    const present = await importSystems(deps, tally, page);
    for (let at = 0; at < present.length; at += SYSTEMS) {
      deps.onProgress(done + at, total);
      await importInventories(deps, tally, present.slice(at, at + SYSTEMS));
    }
    done += page.length;
    deps.onProgress(done, total);
  }
  await importAlerts(deps, tally);
  return tally.report();
}

async function importOrganizations({ source, target, dryRun }: ImportDeps, tally: Tally): Promise<void> {
  for await (const page of pages(
    (after) => source.organizations(after, PAGE),
    (row) => row.place,
  )) {
    const rows: ImportedOrganization[] = [];
    for (const { id, place, deletedAt, type, ...row } of page) {
      if (deletedAt) tally.skip("organizations", "deleted there", `${place} (${row.name})`);
      else if (!id) tally.skip("organizations", "has no id that systems could name", `${place} (${row.name})`);
      else rows.push({ ...row, id, type, vat: row.vat ?? "" });
    }
    const there = await target.importOrganizations(rows, dryRun);
    tally.there("organizations", there.size);
    tally.imported("organizations", rows.length - there.size);
  }
}

/** Returns the systems that are here now. */
async function importSystems(
  { source: _, target, dryRun }: ImportDeps,
  tally: Tally,
  page: SourceSystem[],
): Promise<string[]> {
  const rows: (ImportedSystem & Pick<SourceSystem, "lastHeartbeat">)[] = [];
  const erased: { public: string; sha256: string; erasedAt: Date }[] = [];
  for (const { deletedAt, secretPublic, secretSha256, ...row } of page) {
    const fault = faultOf(row, secretPublic, secretSha256);
    if (deletedAt || row.status === "deleted") {
      tally.skip("systems", DELETED, row.systemKey);
      if (secretPublic && secretSha256)
        erased.push({ public: secretPublic, sha256: secretSha256, erasedAt: deletedAt ?? row.createdAt });
    } else if (fault) tally.skip("systems", fault, `${row.systemKey} (${row.name})`);
    else rows.push({ ...row, secretPublic: secretPublic ?? "", secretSha256: secretSha256 ?? "" });
  }
  if (!dryRun) await target.importErasedSecrets(erased);
  const outcomes = await target.importSystems(rows, dryRun);
  const present = rows.filter(({ id, systemKey, name }) => {
    const outcome = outcomes.get(id);
    if (outcome === "imported") tally.imported("systems");
    else if (outcome === "there") tally.there("systems");
    else tally.skip("systems", outcome ?? "not imported", `${systemKey} (${name})`);
    return outcome === "imported" || outcome === "there";
  });
  const beats = present.flatMap(({ id, lastHeartbeat }) =>
    lastHeartbeat ? [{ systemId: id, at: lastHeartbeat }] : [],
  );
  const newer = dryRun ? beats.length : await target.importBeats(beats);
  tally.imported("heartbeats", newer);
  tally.there("heartbeats", beats.length - newer);
  return present.map(({ id }) => id);
}

function faultOf(
  { id, systemKey }: Pick<SourceSystem, "id" | "systemKey">,
  secretPublic: string | null,
  sha256: string | null,
): string | undefined {
  if (!UUID.test(id)) return "its id is no UUID";
  if (!/^[A-Za-z0-9_.-]{1,100}$/.test(systemKey))
    return "its key has other characters than letters, digits, dots and dashes";
  if (!secretPublic || !sha256) return "it has no secret";
  if (!HASH.test(sha256)) return "the hash of its secret has another form";
  return undefined;
}

async function importInventories(deps: ImportDeps, tally: Tally, systemIds: string[]): Promise<void> {
  const { source, target, dryRun, now, signal } = deps;
  const until = new Date(now.getTime() - SETTLED_MS);
  const progress = await readProgress(target.database, systemIds);
  const start: Since[] = systemIds.map(
    (systemId) => progress.get(systemId) ?? { systemId, recordId: "0", changeId: "0", seenUntil: null },
  );
  const settled = await source.settledUntil(systemIds, until);
  const store = async (rows: ImportedInventory[]) => {
    signal.throwIfAborted();
    const refused = await target.importInventories(rows, dryRun);
    for (const { systemId, sourceId, reason } of refused)
      tally.skip("inventories", reason, `record ${sourceId} of ${systemId}`);
    return rows.length - refused.length;
  };

  let since = start;
  for (;;) {
    const rows = await source.records(since, RECORDS_EACH);
    if (rows.length === 0) break;
    tally.imported("inventories", await store(rows.map(inventoryOf)));
    since = advanced(since, rows, "recordId");
  }
  const again = await source.seenAgain(start);
  for (let at = 0; at < again.length; at += SYSTEMS) await store(again.slice(at, at + SYSTEMS).map(inventoryOf));

  let changes = start;
  for (;;) {
    const rows = await source.orphanedChanges(changes, CHANGES_EACH);
    if (rows.length === 0) break;
    signal.throwIfAborted();
    const imported = dryRun ? rows.length : await insertChanges(target.database, rows);
    tally.imported("changes", imported);
    tally.there("changes", rows.length - imported);
    changes = advanced(changes, rows, "changeId");
  }
  if (dryRun) return;
  await writeProgress(
    target.database,
    systemIds.map((systemId, at) => ({
      systemId,
      // Younger ones are looked at again next time, and found to be there.
      recordId: smaller(settled.get(systemId) ?? "0", since[at]?.recordId ?? "0", start[at]?.recordId ?? "0"),
      changeId: start[at]?.changeId ?? "0",
      seenUntil: until,
    })),
  );
}

/** The settled one, but never beyond what was imported, never before where it began. */
function smaller(settled: string, imported: string, began: string): string {
  const least = BigInt(settled) < BigInt(imported) ? settled : imported;
  return BigInt(least) < BigInt(began) ? began : least;
}

function advanced(since: Since[], rows: { id: string; systemId: string }[], field: "recordId" | "changeId"): Since[] {
  const last = new Map(rows.map((row) => [row.systemId, row.id]));
  return since.map((one) => ({ ...one, [field]: last.get(one.systemId) ?? one[field] }));
}

const inventoryOf = ({
  id,
  ...row
}: {
  id: string;
  systemId: string;
  receivedAt: Date;
  text: string;
}): ImportedInventory => ({
  ...row,
  sourceId: id,
});

async function importAlerts({ source, target, dryRun, signal }: ImportDeps, tally: Tally): Promise<void> {
  for await (const page of pages(
    (after) => source.alerts(after === "" ? "0" : after, PAGE),
    (row) => row.id,
  )) {
    signal.throwIfAborted();
    const imported = await target.importHistory(page, dryRun);
    tally.imported("alerts", imported);
    tally.there("alerts", page.length - imported);
  }
}

async function* pages<Row>(
  read: (after: string) => Promise<Row[]>,
  keyOf: (row: Row) => string,
): AsyncGenerator<Row[]> {
  for (let after = ""; ;) {
    const rows = await read(after);
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    after = keyOf(last);
  }
}
