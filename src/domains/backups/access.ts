// Finds, gives out and deletes one backup: for operators, for the appliance whose it is, and for who was handed a link.
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import type { FindingVerbs } from "../findings/index.ts";
import { download } from "./download/download.ts";
import { insertDownload } from "./download/links.ts";
import type { Spool } from "./download/spool.ts";
import type { BackupId } from "./names.ts";
import { deleteBackup, findBackup } from "./store.ts";
import type { BackupRow } from "./store.ts";
import { isLocked } from "./upload/retention.ts";
import { record } from "./upkeep/verify.ts";

interface AccessDeps {
  database: Queryable;
  objects: ObjectStore;
  clock: Clock;
  spool: Spool;
  findings: FindingVerbs["backups"];
  changed(systemId: string): Promise<void>;
}

export interface Access {
  /** Throws a Failure 404 for a backup that is missing, or belongs to another system. */
  find(id: BackupId, systemId?: string): Promise<BackupRow>;
  give(backup: BackupRow, request: Request): Promise<Response>;
  /** As `give`; also records the download. */
  giveNoted(backup: BackupRow, request: Request, by: Download): Promise<Response>;
  /** Throws a Failure 409 for a backup that is pinned or locked. */
  remove(backup: BackupRow): Promise<void>;
}

interface Download {
  via: "link" | "operator";
  linkId: string | null;
  address: string;
}

export function openAccess(deps: AccessDeps): Access {
  const { database, clock } = deps;
  const downloading = {
    ...deps,
    lost: (backup: BackupRow) => record(deps, backup, "lost", "its object is not in the store"),
  };
  return {
    async find({ uuid, extension }, systemId) {
      const row = await findBackup(database, uuid);
      const isIt = row && (extension ?? row.extension) === row.extension && (systemId ?? row.systemId) === row.systemId;
      if (!isIt) throw unknown();
      return row;
    },

    give: (backup, request) => download(downloading, backup, request),

    async giveNoted(backup, request, by) {
      await insertDownload(database, { backupId: backup.id, systemId: backup.systemId, ...by }, clock.now());
      return download(downloading, backup, request);
    },

    async remove(backup) {
      const now = clock.now();
      if (backup.pinnedAt) throw new Failure("backup.pinned", 409, "backup is pinned: it is kept until it is unpinned");
      if (backup.lockedUntil && isLocked(backup, now)) {
        const until = backup.lockedUntil.toISOString();
        throw new Failure("backup.locked", 409, `backup is locked until ${until}`, { data: { locked_until: until } });
      }
      if (!(await deleteBackup(database, backup.id, now))) throw unknown();
      // When this does not reach the queue, the schedule removes the object later.
      await deps.changed(backup.systemId).catch(() => {});
    },
  };
}

export const unknown = () => new Failure("backup.unknown", 404, "backup not found");
