// What the operator API and the command line may ask of backups.
import { Failure } from "../../errors.ts";
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import type { System } from "../systems/index.ts";
import type { BackupFindingRow, FindingVerbs } from "../findings/index.ts";
import { download } from "./download/download.ts";
import { LINK_TTL_SECONDS, insertDownload, listDownloads, openLinks } from "./download/links.ts";
import type { Link, LinkProof } from "./download/links.ts";
import { filenameOf, readId } from "./names.ts";
import type { BackupId } from "./names.ts";
import { readinessOf } from "./upkeep/freshness.ts";
import type { Readiness } from "./upkeep/freshness.ts";
import { isLocked } from "./upload/retention.ts";
import type { AlertsQuery, Backup, BackupsQuery } from "./schema.ts";
import type { Spool } from "./download/spool.ts";
import { countListed, deleteBackup, findBackup, listBackups, listMeasuredOf, setPinned } from "./store.ts";
import type { BackupRow } from "./store.ts";
import { sweep } from "./upkeep/sweep.ts";
import type { Swept } from "./upkeep/sweep.ts";
import { record, verify } from "./upkeep/verify.ts";
import type { Verified } from "./upkeep/verify.ts";

export interface BackupsApiDeps {
  database: Queryable;
  objects: ObjectStore;
  clock: Clock;
  spool: Spool;
  findings: FindingVerbs["backups"];
  showSystem(keyOrId: string): Promise<System>;
  changed(systemId: string): Promise<void>;
  /** Whether an operator's token still opens. */
  isLive(token: string): Promise<boolean>;
}

type Alert = Omit<BackupFindingRow, "opened_at" | "resolved_at"> & { opened_at: string; resolved_at: string | null };

/** Unknown ids are a Failure 404, malformed ones a 400. */
export interface BackupsApi {
  list(query: BackupsQuery): Promise<{ backups: Backup[]; next_cursor: string | null }>;
  /** How many the list would show in all. */
  count(query: Omit<BackupsQuery, "cursor" | "limit">): Promise<number>;
  ofSystem(keyOrId: string): Promise<{ backups: Backup[]; readiness: Readiness; alerts: Alert[] }>;
  show(id: string): Promise<Backup & { alerts: object[]; downloads: object[] }>;
  content(id: string, request: Request, address: string): Promise<Response>;
  /** It lives no longer than the token that makes it. */
  link(id: string, token: string, ttlSeconds?: number): Promise<Link>;
  downloadByLink(id: BackupId, proof: LinkProof, request: Request, address: string): Promise<Response>;
  pin(id: string): Promise<Backup>;
  unpin(id: string): Promise<Backup>;
  remove(id: string): Promise<Backup>;
  verify(id: string): Promise<Verified>;
  alerts(query: AlertsQuery): Promise<{ alerts: Alert[]; next_cursor: string | null }>;
  /** Compares store and rows now. `force` also removes orphans that are too many to be true. */
  sweep(options: { force: boolean }): Promise<Swept>;
  /** For systems themselves, who only know their own. */
  downloadOwn(systemId: string, id: BackupId, request: Request): Promise<Response>;
  removeOwn(systemId: string, id: BackupId): Promise<string>;
}

/** A system with more than these is shown its newest; the list of all systems has the rest. */
const MOST_SHOWN = 200;

export function openBackupsApi(deps: BackupsApiDeps): BackupsApi {
  const { database, clock, findings, showSystem } = deps;
  const links = openLinks(deps);
  const downloading = {
    ...deps,
    lost: (backup: BackupRow) => record(deps, backup, "lost", "its object is not in the store"),
  };

  const find = async ({ uuid, extension }: BackupId, systemId?: string): Promise<BackupRow> => {
    const row = await findBackup(database, uuid);
    const isIt = row && (extension ?? row.extension) === row.extension && (systemId ?? row.systemId) === row.systemId;
    if (!isIt) throw new Failure("backup.unknown", 404, "backup not found");
    return row;
  };

  const remove = async (backup: BackupRow): Promise<void> => {
    const now = clock.now();
    if (backup.pinnedAt) throw new Failure("backup.pinned", 409, "backup is pinned: it is kept until it is unpinned");
    if (backup.lockedUntil && isLocked(backup, now)) {
      const until = backup.lockedUntil.toISOString();
      throw new Failure("backup.locked", 409, `backup is locked until ${until}`, { data: { locked_until: until } });
    }
    if (!(await deleteBackup(database, backup.id, now))) throw new Failure("backup.unknown", 404, "backup not found");
    // The object goes with the schedule if this does not reach the queue.
    await deps.changed(backup.systemId).catch(() => {});
  };

  const logged = async (backup: BackupRow, via: "link" | "operator", linkId: string | null, address: string) =>
    insertDownload(database, { backupId: backup.id, systemId: backup.systemId, via, linkId, address }, clock.now());

  const pin = async (id: string, at: Date | null) => {
    const { id: uuid } = await find(readId(id));
    await setPinned(database, uuid, at);
    return shown(await find({ uuid, extension: undefined }));
  };

  const filterOf = async ({ system, organization, state }: Omit<BackupsQuery, "cursor" | "limit">) => ({
    systemId: system === undefined ? null : (await showSystem(system)).system_id,
    organization: organization?.replaceAll("\0", "") ?? null,
    state: state ?? null,
  });

  return {
    async list({ limit, cursor, ...query }) {
      const after = decodeCursor(cursor, ["time", "uuid"]);
      const rows = await listBackups(database, { ...(await filterOf(query)), limit }, after);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        backups: rows.map(shown),
        next_cursor: last ? encodeCursor(last.uploadedAt.toISOString(), last.id) : null,
      };
    },

    count: async (query) => countListed(database, await filterOf(query)),

    async ofSystem(keyOrId) {
      const { system_id: systemId } = await showSystem(keyOrId);
      const [rows, measured, alerts] = await Promise.all([
        listBackups(database, { systemId, organization: null, state: null, limit: MOST_SHOWN }, undefined),
        listMeasuredOf(database, systemId),
        findings.list(database, { systemId, open: true, limit: MOST_SHOWN }),
      ]);
      return {
        backups: rows.map(shown),
        readiness: readinessOf(measured, clock.now()),
        alerts: alerts.map(shownAlert),
      };
    },

    async show(id) {
      const row = await find(readId(id));
      const [alerts, downloads] = await Promise.all([
        findings.listOpenOf(database, row.id),
        listDownloads(database, row.id, MOST_SHOWN),
      ]);
      return { ...shown(row), alerts, downloads };
    },

    async content(id, request, address) {
      const backup = await find(readId(id));
      await logged(backup, "operator", null, address);
      return download(downloading, backup, request);
    },

    async link(id, token, ttlSeconds = LINK_TTL_SECONDS) {
      return links.make((await find(readId(id))).id, token, ttlSeconds);
    },

    async downloadByLink(id, proof, request, address) {
      await links.check(id.uuid, proof);
      const backup = await find(id);
      await logged(backup, "link", proof.link, address);
      return download(downloading, backup, request);
    },

    pin: (id) => pin(id, clock.now()),
    unpin: (id) => pin(id, null),

    async remove(id) {
      const backup = await find(readId(id));
      await remove(backup);
      return shown(backup);
    },

    async verify(id) {
      const { id: uuid } = await find(readId(id));
      const verified = await verify(deps, uuid);
      if (!verified) throw new Failure("backup.unknown", 404, "backup not found");
      return verified;
    },

    async alerts({ system, open, limit, cursor }) {
      const after = decodeCursor(cursor, ["time", "uuid"]);
      const systemId = system === undefined ? null : (await showSystem(system)).system_id;
      const rows = await findings.list(database, { systemId, open, limit }, after);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        alerts: rows.map(shownAlert),
        next_cursor: last ? encodeCursor(last.opened_at.toISOString(), last.id) : null,
      };
    },

    sweep: (options) => sweep(deps, options),

    async downloadOwn(systemId, id, request) {
      return download(downloading, await find(id, systemId), request);
    },

    async removeOwn(systemId, id) {
      const backup = await find(id, systemId);
      await remove(backup);
      return backup.id + backup.extension;
    },
  };
}

function shown(row: BackupRow): Backup {
  return {
    id: row.id + row.extension,
    filename: filenameOf(row.filename, row.id),
    size: row.size,
    sha256: row.sha256,
    mimetype: row.mediaType,
    uploaded_at: row.uploadedAt.toISOString(),
    encryption: row.encryption,
    state: row.state,
    pinned: row.pinnedAt !== null,
    locked_until: row.lockedUntil?.toISOString() ?? null,
    verified_at: row.verifiedAt?.toISOString() ?? null,
    system_key: row.systemKey,
    organization_id: row.organizationId,
    uploader_ip: row.uploaderIp,
    checked_at: row.checkedAt.toISOString(),
  };
}

const shownAlert = (row: BackupFindingRow): Alert => ({
  ...row,
  opened_at: row.opened_at.toISOString(),
  resolved_at: row.resolved_at?.toISOString() ?? null,
});
