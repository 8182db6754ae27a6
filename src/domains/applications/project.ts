// Projects the newest inventories of NS8 clusters into applications: writes what changed, marks what is gone, nothing else.
import type { Queryable } from "../../ports/database.ts";
import type { JsonObject } from "../../values/json/value.ts";
import type { Gap, NewestInventory } from "../inventory/index.ts";
import { extractApplications, hostName, urlOf } from "./extract.ts";
import type { Application, Extracted } from "./extract.ts";
import * as store from "./store.ts";
import type { ApplicationRow, KnownApplication, KnownSystem } from "./store.ts";

/** Parts of a document that could not be collected, as paths of raw keys. */
type GapsOf = (document: JsonObject) => Gap[];

/** Rows of one statement, which takes far less than a statement may. */
const ROWS_PER_STATEMENT = 2_000;

/** Safe to repeat: it writes the same the second time. */
export async function projectApplications(tx: Queryable, newest: NewestInventory[], gapsOf: GapsOf): Promise<void> {
  const clusters = newest.flatMap((one) => {
    const extracted = extractApplications(one.document);
    return extracted ? [{ ...one, extracted, gaps: gapsOf(one.document) }] : [];
  });
  if (clusters.length === 0) return;
  const systems = await store.findKnown(
    tx,
    clusters.map((one) => one.systemId),
  );
  const rows: ApplicationRow[] = [];
  const gone: { id: string; at: Date }[] = [];
  for (const { systemId, receivedAt, extracted, gaps } of clusters) {
    const system = systems.get(systemId);
    if (!system) continue;
    rows.push(...changedRows(systemId, receivedAt, extracted, system));
    for (const id of goneIds(extracted, gaps, system)) gone.push({ id, at: receivedAt });
  }
  for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT)
    await store.upsertApplications(tx, rows.slice(at, at + ROWS_PER_STATEMENT));
  if (gone.length > 0) await store.markDeleted(tx, gone);
}

function changedRows(
  systemId: string,
  receivedAt: Date,
  { applications, fqdn }: Extracted,
  system: KnownSystem,
): ApplicationRow[] {
  const host = fqdn ?? hostName(system.fqdn ?? undefined);
  return applications.flatMap((one) => {
    const url = urlOf(one, host);
    const hash = hashOf(one, url);
    const known = system.applications.get(one.moduleId);
    if (known && known.hash === hash && !known.deleted) return [];
    return [{ ...one, id: `${systemId}-${one.moduleId}`, systemId, url, hash, receivedAt }];
  });
}

const hashOf = (one: Application, url: string | null) =>
  new Bun.CryptoHasher("sha256").update(JSON.stringify([...Object.values(one), url])).digest("hex");

/** An application is gone only when the list was collected whole, and its node answered. */
function goneIds({ applications, unreadable, complete }: Extracted, gaps: Gap[], system: KnownSystem) {
  const listMissing = gaps.some(({ path }) => path.length <= 2 && (path[1] ?? "modules") === "modules");
  if (!complete || applications.length === 0 || listMissing) return [];
  const silentNodes = new Set(gaps.flatMap(({ path }) => (path[1] === "nodes" ? [path[2] ?? ""] : [])));
  const present = new Set([...applications.map((one) => one.moduleId), ...unreadable]);
  const isGone = ({ moduleId, nodeId, deleted }: KnownApplication) =>
    !deleted && !present.has(moduleId) && !silentNodes.has(String(nodeId)) && !silentNodes.has("");
  return [...system.applications.values()].filter(isGone).map((one) => one.id);
}
