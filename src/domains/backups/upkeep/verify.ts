// Reads backups back and hashes them again. What it finds is written down and told; nothing is ever deleted for it.
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { ObjectStore } from "../../../ports/objects.ts";
import { counted } from "../../../values/count.ts";
import type { BackupCause, FindingVerbs } from "../../findings/index.ts";
import { findBackup, setChecked } from "../store.ts";
import type { BackupRow, BackupState } from "../store.ts";

interface VerifyDeps {
  database: Queryable;
  objects: ObjectStore;
  clock: Clock;
  findings: FindingVerbs["backups"];
}

export interface Verified {
  id: string;
  system_key: string;
  state: BackupState;
  /** How the object differs from what was stored; null when it does not. */
  finding: string | null;
}

/** Undefined for a backup that was deleted meanwhile. Failures of the store or the database reject and change nothing. */
export async function verify(deps: VerifyDeps, id: string): Promise<Verified | undefined> {
  const backup = await findBackup(deps.database, id);
  if (!backup) return undefined;
  const { state, finding } = await examine(deps.objects, backup);
  // A backup that was deleted meanwhile is not lost.
  if (state === "lost" && !(await findBackup(deps.database, id))) return undefined;
  await record(deps, backup, state, finding);
  return { id: `${backup.id}${backup.extension}`, system_key: backup.systemKey, state, finding };
}

async function examine(
  objects: ObjectStore,
  { objectKey, size, sha256 }: BackupRow,
): Promise<{ state: BackupState; finding: string | null }> {
  const stream = await objects.get(objectKey);
  if (!stream) return { state: "lost", finding: "its object is not in the store" };
  const hasher = new Bun.CryptoHasher("sha256");
  let read = 0;
  for await (const chunk of stream) {
    hasher.update(chunk);
    read += chunk.byteLength;
  }
  if (read !== size) return { state: "damaged", finding: `it has ${counted(read, "byte")} instead of ${size}` };
  const found = hasher.digest("hex");
  if (found !== sha256) return { state: "damaged", finding: `its SHA-256 is ${found} instead of ${sha256}` };
  return { state: "kept", finding: null };
}

/** Stores state and alert, as found by a verification, a sweep or a download. */
export async function record(
  { database, clock, findings }: Pick<VerifyDeps, "database" | "clock" | "findings">,
  backup: BackupRow,
  state: BackupState,
  finding: string | null,
): Promise<void> {
  const now = clock.now();
  await setChecked(database, backup.id, state, now);
  const about = { systemId: backup.systemId, backupId: backup.id };
  const over = (["damaged", "lost"] satisfies BackupCause[]).filter((cause) => cause !== state);
  await findings.resolve(database, { ...about, causes: over }, now);
  if (state === "kept") return;
  const message = `Backup ${backup.filename} of ${backup.uploadedAt.toISOString()} is ${state}: ${finding}.`;
  await findings.raise(database, { ...about, cause: state, message }, now);
}
