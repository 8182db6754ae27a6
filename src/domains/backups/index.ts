// Assembles backups: taken from appliances, kept whole, proved again and again, given back.
import { join } from "node:path";
import { Gauge } from "prom-client";
import type { DomainWith } from "../../domain.ts";
import { reasonOf } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Limiter } from "../../ports/limiter.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import type { Queue } from "../../ports/queue.ts";
import type { Findings } from "../findings/index.ts";
import type { Operators } from "../operators/index.ts";
import type { Systems } from "../systems/index.ts";
import { counted } from "../../values/count.ts";
import { openAccess } from "./access.ts";
import { adminRoutes } from "./admin.ts";
import { openBackupsApi } from "./api.ts";
import type { BackupsApi } from "./api.ts";
import { backupJobs, changedPushes, schedules } from "./upkeep/jobs.ts";
import { countRemovals } from "./upkeep/removals.ts";
import { applianceRoutes } from "./routes.ts";
import { openLinks } from "./download/links.ts";
import { openSpool } from "./download/spool.ts";
import type { BackupsSettings } from "./settings.ts";
import { countBackups, listOwn } from "./store.ts";
import { upload } from "./upload/upload.ts";
import type { UploadLimits } from "./upload/upload.ts";

export type { BackupsApi, UploadLimits };
export { settings } from "./settings.ts";

interface BackupsDeps {
  database: Database;
  objects: ObjectStore;
  queue: Pick<Queue, "push">;
  limiter: Limiter;
  clock: Clock;
  dataDir: string;
  settings: BackupsSettings;
  api: {
    findings: Pick<Findings, "backups">;
    operators: Pick<Operators, "isLive">;
    systems: Pick<Systems, "authenticate" | "show">;
  };
}

export function open({ settings, api: others, dataDir, ...shared }: BackupsDeps): DomainWith<BackupsApi> {
  const { database, objects, queue } = shared;
  const deps = {
    ...shared,
    limits: settings,
    verifyDays: settings.verifyDays,
    findings: others.findings.backups,
    isLive: others.operators.isLive,
    showSystem: others.systems.show,
  };
  // Gathers downloads from a store that is not a directory.
  const spool = openSpool({ directory: join(dataDir, "spool"), clock: deps.clock });
  const changed = (systemId: string) => queue.push(changedPushes(systemId));
  const access = openAccess({ ...deps, spool, changed });
  const links = openLinks(deps);
  const api = openBackupsApi({ ...deps, access, links, changed });
  /** Result of this process's last sweep. */
  let warning: string | undefined;

  return {
    api,
    applianceRoutes: applianceRoutes({
      authenticate: others.systems.authenticate,
      async upload(system, request, address) {
        const kept = await upload({ ...deps, changed }, system, request, address);
        return {
          id: kept.id + kept.extension,
          filename: kept.filename,
          size: kept.size,
          sha256: kept.sha256,
          mimetype: kept.mediaType,
          uploaded_at: kept.uploadedAt.toISOString(),
        };
      },
      list: (systemId) => listOwn(database, systemId),
      async download(systemId, id, request) {
        return access.give(await access.find(id, systemId), request);
      },
      async remove(systemId, id) {
        const backup = await access.find(id, systemId);
        await access.remove(backup);
        return backup.id + backup.extension;
      },
      async downloadByLink(id, proof, request, address) {
        await links.check(id.uuid, proof);
        return access.giveNoted(await access.find(id), request, { via: "link", linkId: proof.link, address });
      },
    }),
    adminRoutes: adminRoutes(api),
    jobs: backupJobs({
      ...deps,
      database: deps.database.patient(),
      swept({ orphans, removed }) {
        warning = removed
          ? undefined
          : `${counted(orphans.length, "object in the store has", "objects in the store have")} no row; "muster backups sweep" lists them`;
      },
    }),
    schedules,
    checks: [
      {
        name: "backup storage",
        run: async () => (await checkStore(objects)) ?? warning,
        advice: "Check the S3_* and BACKUP_S3_* settings, or that DATA_DIR can be written.",
        well: () => `Backups can be stored: ${objects.describe}.`,
      },
      {
        name: "backup removals",
        well: () => "No object waits for its removal for long.",
        advice: "Check that BACKUP_S3_BUCKET allows its objects to be deleted; removals are retried automatically.",
        async run() {
          const { failing } = await countRemovals(database);
          return failing === 0 ? undefined : `${counted(failing, "object")} could not be removed for a while`;
        },
      },
    ],
    metrics(registry) {
      new Gauge({
        name: "muster_backups",
        help: "Backups, by state.",
        labelNames: ["state"],
        registers: [registry],
        async collect() {
          this.reset();
          // While the database is away, the scrape shows the other metrics.
          for (const { state, count } of await countBackups(database).catch(() => [])) this.set({ state }, count);
        },
      });
      new Gauge({
        name: "muster_backup_bytes",
        help: "Bytes of all backups.",
        registers: [registry],
        async collect() {
          this.set((await countBackups(database).catch(() => [])).reduce((sum, one) => sum + one.bytes, 0));
        },
      });
      new Gauge({
        name: "muster_backup_alerts",
        help: "Open alerts about backups, by cause.",
        labelNames: ["cause"],
        registers: [registry],
        async collect() {
          this.reset();
          for (const { cause, count } of await deps.findings.countOpen(database).catch(() => []))
            this.set({ cause }, count);
        },
      });
    },
    start: () => spool.clear(),
    stop: () => objects.close(),
  };
}

async function checkStore(objects: ObjectStore): Promise<string | undefined> {
  try {
    return await objects.check();
  } catch (error) {
    throw new Error(`Backups cannot be stored in ${objects.describe}: ${reasonOf(error)}.`, { cause: error });
  }
}
