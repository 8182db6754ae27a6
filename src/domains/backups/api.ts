// Lists, shows, gives out, links, pins, verifies and deletes backups for operators.
import { readPage } from "../../http/edge/page.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import type { Actor } from "../../values/actor.ts";
import type { System } from "../systems/index.ts";
import type { BackupFindingRow, FindingVerbs } from "../findings/index.ts";
import { unknown } from "./access.ts";
import type { Access } from "./access.ts";
import { LINK_TTL_SECONDS, listDownloads } from "./download/links.ts";
import type { Link, Links } from "./download/links.ts";
import { filenameOf, readId } from "./names.ts";
import { freshnessOf } from "./upkeep/freshness.ts";
import type { Freshness } from "./upkeep/freshness.ts";
import type { AlertsQuery, Backup, BackupsQuery } from "./schema.ts";
import { countListed, listBackups, listMeasuredOf, setPinned } from "./store.ts";
import type { BackupRow } from "./store.ts";
import { sweep } from "./upkeep/sweep.ts";
import type { Swept } from "./upkeep/sweep.ts";
import { verify } from "./upkeep/verify.ts";
import type { Verified } from "./upkeep/verify.ts";

interface BackupsApiDeps {
  database: Queryable;
  objects: ObjectStore;
  clock: Clock;
  findings: FindingVerbs["backups"];
  access: Access;
  links: Links;
  showSystem(actor: Actor, keyOrId: string): Promise<System>;
  changed(systemId: string): Promise<void>;
}

type Alert = Omit<BackupFindingRow, "opened_at" | "resolved_at"> & { opened_at: string; resolved_at: string | null };

/** Unknown ids throw a Failure 404, malformed ones a 400. */
export interface BackupsApi {
  list(actor: Actor, query: BackupsQuery): Promise<{ backups: Backup[]; next_cursor: string | null }>;
  /** Counts the backups that the list shows on all its pages. */
  count(actor: Actor, query: Omit<BackupsQuery, "cursor" | "limit">): Promise<number>;
  ofSystem(actor: Actor, keyOrId: string): Promise<{ backups: Backup[]; readiness: Freshness; alerts: Alert[] }>;
  show(actor: Actor, id: string): Promise<Backup & { alerts: object[]; downloads: object[] }>;
  content(actor: Actor, id: string, request: Request, address: string): Promise<Response>;
  /** The link ends at the latest with the token that made it. */
  link(actor: Actor, id: string, ttlSeconds?: number): Promise<Link>;
  pin(actor: Actor, id: string): Promise<Backup>;
  unpin(actor: Actor, id: string): Promise<Backup>;
  remove(actor: Actor, id: string): Promise<Backup>;
  verify(actor: Actor, id: string): Promise<Verified>;
  alerts(actor: Actor, query: AlertsQuery): Promise<{ alerts: Alert[]; next_cursor: string | null }>;
  /** Compares store and rows now. `force` removes orphans even when there are suspiciously many. */
  sweep(actor: Actor, options: { force: boolean }): Promise<Swept>;
}

/** The newest backups of a system that are shown at once; the list of all systems has the rest. */
const MOST_SHOWN = 200;

export function openBackupsApi(deps: BackupsApiDeps): BackupsApi {
  const { database, clock, access, findings, showSystem } = deps;

  const pin = async (id: string, at: Date | null) => {
    const { id: uuid } = await access.find(readId(id));
    await setPinned(database, uuid, at);
    return shown(await access.find({ uuid, extension: undefined }));
  };

  const filterOf = async (actor: Actor, { system, organization, state }: Omit<BackupsQuery, "cursor" | "limit">) => ({
    systemId: system === undefined ? null : (await showSystem(actor, system)).system_id,
    organization: organization?.replaceAll("\0", "") ?? null,
    state: state ?? null,
  });

  return {
    async list(actor, { limit, cursor, ...query }) {
      const { rows, next_cursor } = await readPage({
        limit,
        cursor,
        keys: ["time", "uuid"],
        read: async (after, count) => listBackups(database, { ...(await filterOf(actor, query)), limit: count }, after),
        keyOf: (row) => [row.uploadedAt.toISOString(), row.id],
      });
      return { backups: rows.map(shown), next_cursor };
    },

    count: async (actor, query) => countListed(database, await filterOf(actor, query)),

    async ofSystem(actor, keyOrId) {
      const { system_id: systemId } = await showSystem(actor, keyOrId);
      const [rows, measured, alerts] = await Promise.all([
        listBackups(database, { systemId, organization: null, state: null, limit: MOST_SHOWN }, undefined),
        listMeasuredOf(database, systemId),
        findings.list(database, { systemId, open: true, limit: MOST_SHOWN }),
      ]);
      return {
        backups: rows.map(shown),
        readiness: freshnessOf(measured, clock.now()),
        alerts: alerts.map(shownAlert),
      };
    },

    async show(_actor, id) {
      const row = await access.find(readId(id));
      const [alerts, downloads] = await Promise.all([
        findings.listOpenOf(database, row.id),
        listDownloads(database, row.id, MOST_SHOWN),
      ]);
      return { ...shown(row), alerts, downloads };
    },

    async content(_actor, id, request, address) {
      return access.giveNoted(await access.find(readId(id)), request, { via: "operator", linkId: null, address });
    },

    async link(actor, id, ttlSeconds = LINK_TTL_SECONDS) {
      return deps.links.make((await access.find(readId(id))).id, actor.id, ttlSeconds);
    },

    pin: (_actor, id) => pin(id, clock.now()),
    unpin: (_actor, id) => pin(id, null),

    async remove(_actor, id) {
      const backup = await access.find(readId(id));
      await access.remove(backup);
      return shown(backup);
    },

    async verify(_actor, id) {
      const { id: uuid } = await access.find(readId(id));
      const verified = await verify(deps, uuid);
      if (!verified) throw unknown();
      return verified;
    },

    async alerts(actor, { system, open, limit, cursor }) {
      const { rows, next_cursor } = await readPage({
        limit,
        cursor,
        keys: ["time", "uuid"],
        async read(after, count) {
          const systemId = system === undefined ? null : (await showSystem(actor, system)).system_id;
          return findings.list(database, { systemId, open, limit: count }, after);
        },
        keyOf: (row) => [row.opened_at.toISOString(), row.id],
      });
      return { alerts: rows.map(shownAlert), next_cursor };
    },

    sweep: (_actor, options) => sweep(deps, options),
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
