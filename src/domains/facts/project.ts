// Projects each system's newest inventory into its facts. Writes what changed, however large the fleet is.
import { setImmediate } from "node:timers/promises";
import type { Queryable } from "../../ports/database.ts";
import type { NewestInventory, Projection } from "../inventory/index.ts";
import type { Flatten, Flattened } from "./flatten.ts";
import { compareHashes } from "./hashes.ts";
import * as store from "./store.ts";
import type { Holder, ProjectedSystem, KnownFact, NewFact } from "./store.ts";

/** Facts. After a larger document the thread is yielded to other work before the next. */
const TURN_FACTS = 2_000;
/** Rows of one statement: about 10 ms to serialize, after which other work gets the thread. A first inventory has 20,000. */
const CHUNK = 4_000;

/** Safe to repeat: it writes the difference to what was projected before. */
export function factProjection(flatten: Flatten): Projection {
  return async (tx, newest) => {
    const before = await store.findProjectedSystems(
      tx,
      newest.map((one) => one.systemId),
    );
    const changes = await compareAll(flatten, newest, before);
    if (changes.length > 0) await writeChanges(tx, changes);
  };
}

interface SystemChange extends store.SystemState {
  systemNo: number | null;
  flattened: Flattened;
  added: number[];
  removed: number[];
}

async function compareAll(
  flatten: Flatten,
  newest: NewestInventory[],
  projected: ProjectedSystem[],
): Promise<SystemChange[]> {
  const byId = new Map(projected.map((system) => [system.systemId, system]));
  const changes: SystemChange[] = [];
  for (const { systemId, document } of newest) {
    const before = byId.get(systemId);
    if (!before) continue;
    const flattened = flatten(before.type, document);
    const { hashes, truncated } = flattened;
    const { added, removed } = compareHashes(before.hashes, hashes);
    if (hashes.length > TURN_FACTS) await setImmediate();
    if (added.length + removed.length === 0 && truncated === before.truncated) continue;
    const { type, systemNo } = before;
    changes.push({ systemId, systemNo, type, hashes, truncated, flattened, added, removed });
  }
  return changes;
}

async function writeChanges(tx: Queryable, changes: SystemChange[]): Promise<void> {
  const facts = await lockChangedFacts(tx, changes);
  const numbers = await saveStates(tx, changes);
  const [added, removed]: [Holder[], Holder[]] = [[], []];
  const counts = new Map<number, number>();
  for (const change of changes) {
    const systemNo = change.systemNo ?? numbers.get(change.systemId) ?? 0;
    const list = (hashes: number[], holders: Holder[], delta: number) => {
      for (const hash of hashes) {
        const fact = facts.get(hash);
        if (!fact) continue;
        holders.push({ pathId: fact.pathId, factId: fact.id, systemNo });
        counts.set(fact.id, (counts.get(fact.id) ?? 0) + delta);
      }
    };
    list(change.added, added, 1);
    list(change.removed, removed, -1);
  }
  for (const rows of chunks(removed)) await store.deleteHolders(tx, rows);
  for (const rows of chunks(added)) await store.insertHolders(tx, rows);
  for (const rows of chunks([...counts].filter(([, delta]) => delta !== 0))) await store.addCounts(tx, rows);
}

/** The rows of every fact that was added or removed, with their counts locked. */
async function lockChangedFacts(tx: Queryable, changes: SystemChange[]): Promise<Map<number, KnownFact>> {
  const news = new Map<number, NewFact>();
  for (const { type, added, flattened } of changes)
    for (const hash of added) if (!news.has(hash)) news.set(hash, { hash, type, ...flattened.fact(hash) });
  const newFacts = [...news.values()].sort((left, right) => left.hash - right.hash);
  const paths = [...new Set(newFacts.map((fact) => fact.path))].sort();
  for (const rows of chunks(paths)) await store.insertPaths(tx, rows);
  for (const rows of chunks(newFacts)) await store.insertFacts(tx, rows);
  return store.lockFacts(tx, [...new Set([...news.keys(), ...changes.flatMap((change) => change.removed)])]);
}

async function saveStates(tx: Queryable, changes: SystemChange[]): Promise<Map<string, number>> {
  const [first, again] = [
    changes.filter((one) => one.systemNo === null),
    changes.filter((one) => one.systemNo !== null),
  ];
  if (again.length > 0) await store.updateSystems(tx, again);
  return first.length > 0 ? store.insertSystems(tx, first) : new Map<string, number>();
}

function* chunks<Item>(items: Item[]): Generator<Item[]> {
  for (let at = 0; at < items.length; at += CHUNK) yield items.slice(at, at + CHUNK);
}
