// Takes one upload: everything that can be refused is refused before the body is read; the row that makes it a backup comes last.
import { randomUUIDv7 } from "bun";
import { Failure } from "../../../errors.ts";
import { tooMany } from "../../../http/edge/throttle.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Database } from "../../../ports/database.ts";
import type { Limiter } from "../../../ports/limiter.ts";
import type { ObjectStore } from "../../../ports/objects.ts";
import type { AuthenticatedSystem } from "../../systems/index.ts";
import { encryptionOf } from "./encryption.ts";
import { extensionOf, filenameOf, mediaTypeOf, objectKey } from "../names.ts";
import { openReception, tooLarge } from "./reception.ts";
import type { Reception } from "./reception.ts";
import { deleteUpload, insertUpload, lockUsage, renewUpload, sumReserved } from "./reservations.ts";
import { isLocked, planRetention } from "./retention.ts";
import type { RetentionLimits } from "./retention.ts";
import { deleteBackups, insertBackup, listKept } from "../store.ts";
import type { NewBackup } from "../store.ts";
import { DAY_MS } from "../../../values/time.ts";

export interface UploadLimits extends RetentionLimits {
  maxUploadBytes: number;
  /** 0: no limit. */
  maxBytesPerOrganization: number;
  /** 0: no limit. */
  perMinute: number;
  perHour: number;
  lockDays: number;
}

interface UploadDeps {
  database: Database;
  objects: ObjectStore;
  limiter: Limiter;
  clock: Clock;
  limits: UploadLimits;
  /** Called when a system's backups have changed: pushes the removals and the check of freshness. */
  changed(systemId: string): Promise<void>;
}

const STALL_MS = 30_000;
const RENEW_MS = 60_000;

export async function upload(
  deps: UploadDeps,
  system: AuthenticatedSystem,
  request: Request,
  address: string,
): Promise<NewBackup> {
  const declared = readDeclaration(request.headers, deps.limits);
  await admit(deps, system.id);
  const plan = await reserve(deps, system, request.headers, declared, address);
  const stopRenewing = keepRenewing(deps, plan.row.id);
  try {
    const reception = openReception(request.body, { ...declared, ...deps, maxBytes: plan.maxBytes, stallMs: STALL_MS });
    const size = await store(deps, plan, declared, reception);
    const first = reception.first();
    const row = { ...plan.row, size, sha256: reception.sha256(), encryption: encryptionOf(first) };
    const kept = await commit(deps, row);
    // When this does not reach the queue, the schedules do it later: the backup is stored, so the upload succeeds.
    await deps.changed(system.id).catch(() => {});
    return kept;
  } finally {
    stopRenewing();
  }
}

interface Declaration {
  length: number | undefined;
  sha256: string | undefined;
}

/** Throws 411 without a length, 413 for a backup that exceeds the limits, 400 for a malformed hash. */
function readDeclaration(
  headers: Headers,
  { maxUploadBytes, maxBytesPerSystem }: Pick<UploadLimits, "maxUploadBytes" | "maxBytesPerSystem">,
): Declaration {
  const chunked = headers.get("transfer-encoding")?.toLowerCase().includes("chunked") ?? false;
  const length = /^\d{1,15}$/.test(headers.get("content-length") ?? "") ? Number(headers.get("content-length")) : 0;
  if (length === 0 && !chunked) throw new Failure("backup.length_required", 411, "Content-Length required");
  const maxBytes = Math.min(maxUploadBytes, maxBytesPerSystem);
  if (length > maxBytes) throw tooLarge(maxBytes);
  const sha256 = headers.get("x-content-sha256")?.trim().toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
    throw new Failure("backup.digest_malformed", 400, "X-Content-SHA256 must be 64 hexadecimal digits");
  return { length: chunked ? undefined : length, sha256 };
}

/** Counts only admitted uploads. Retry-After is at most a minute, since clients wait as long as they are told. */
async function admit({ limiter, limits }: UploadDeps, systemId: string): Promise<void> {
  const hour = { limit: limits.perHour, windowMs: 3_600_000 };
  const minute = { limit: limits.perMinute, windowMs: 60_000 };
  let waitSeconds = hour.limit > 0 ? await limiter.peek(`backup:hour:${systemId}`, hour) : 0;
  if (waitSeconds === 0 && minute.limit > 0) waitSeconds = await limiter.take(`backup:minute:${systemId}`, minute);
  if (waitSeconds === 0 && hour.limit > 0) waitSeconds = await limiter.take(`backup:hour:${systemId}`, hour);
  if (waitSeconds === 0) return;
  throw tooMany(
    {
      code: "backup.throttled",
      sentence: "upload rate limit exceeded",
      mostSeconds: 60,
      data: (seconds) => ({ retry_after_seconds: seconds }),
    },
    waitSeconds,
  );
}

interface Plan {
  row: Omit<NewBackup, "size" | "sha256" | "encryption">;
  maxBytes: number;
}

/** Checks the quotas and reserves in one transaction, so that two uploads never get the same last bytes. */
async function reserve(
  { database, objects, clock, limits }: UploadDeps,
  system: AuthenticatedSystem,
  headers: Headers,
  { length }: Declaration,
  address: string,
): Promise<Plan> {
  const now = clock.now();
  const id = randomUUIDv7("hex", now.getTime());
  const sentName = headers.get("x-filename");
  const extension = extensionOf(sentName ?? "");
  const row = {
    id,
    systemId: system.id,
    organizationId: system.organizationId,
    objectKey: objectKey(system.organizationId, system.key, id, extension),
    extension,
    filename: filenameOf(sentName, id),
    mediaType: mediaTypeOf(headers.get("content-type")),
    uploaderIp: address,
    uploadedAt: now,
    lockedUntil: null,
  };
  const room = await objects.room();
  const maxBytes = await database.transaction(async (tx) => {
    const usedBytes = await lockUsage(tx, system.organizationId);
    const kept = await listKept(tx, system.id);
    const reservedBytes = await sumReserved(tx, system.id);
    const fixedBytes = kept.filter((one) => one.pinned || isLocked(one, now)).reduce((sum, one) => sum + one.size, 0);
    const ownBytes = Math.min(limits.maxUploadBytes, limits.maxBytesPerSystem - fixedBytes - reservedBytes);
    if (ownBytes < (length ?? 1)) throw systemQuota();
    const { expired } = planRetention(kept, { size: (length ?? 0) + reservedBytes }, limits, now);
    const freedBytes = expired.reduce((sum, one) => sum + one.size, 0);
    const maxOrganization = limits.maxBytesPerOrganization || Infinity;
    const organizationBytes = maxOrganization - usedBytes + freedBytes;
    if (organizationBytes < (length ?? 1)) throw organizationQuota();
    if (room !== undefined && room < (length ?? 1)) throw full();
    const size = length ?? Math.min(ownBytes, organizationBytes, room ?? Infinity);
    await insertUpload(tx, { ...row, size }, now);
    return size;
  });
  return { row, maxBytes };
}

/** After a failed put either nothing is left, or the journal entry stays and names what is. */
async function store(
  { database, objects, clock, limits }: UploadDeps,
  { row }: Plan,
  { length }: Declaration,
  reception: Reception,
): Promise<number> {
  try {
    return await objects.put(row.objectKey, reception.body, {
      length,
      contentType: row.mediaType,
      metadata: () => ({
        sha256: reception.sha256(),
        filename: row.filename,
        "uploader-ip": row.uploaderIp ?? "",
      }),
      retainUntil: limits.lockDays > 0 ? new Date(clock.now().getTime() + limits.lockDays * DAY_MS) : undefined,
    });
  } catch (error) {
    await discard(database, objects, row).catch(() => {});
    throw error;
  }
}

async function discard(database: Database, objects: ObjectStore, { id, objectKey: key }: Plan["row"]): Promise<void> {
  await objects.remove(key);
  await deleteUpload(database, id);
}

/**
 * Deletes the journal entry, inserts the row and deletes expired ones in one transaction. When the database goes away meanwhile, the
 * outcome is unknown and the object stays: either its row was written, or its journal entry is still there.
 */
async function commit({ database, objects, clock, limits }: UploadDeps, row: NewBackup): Promise<NewBackup> {
  const now = clock.now();
  const lockedUntil = limits.lockDays > 0 ? new Date(now.getTime() + limits.lockDays * DAY_MS) : null;
  const backup = { ...row, uploadedAt: now, lockedUntil };
  try {
    await database.transaction(async (tx) => {
      await lockUsage(tx, row.organizationId);
      if (!(await deleteUpload(tx, row.id))) throw abandoned();
      const { expired } = planRetention(await listKept(tx, row.systemId), row, limits, now);
      const outcome = await insertBackup(tx, backup);
      if (outcome === "gone") throw abandoned();
      if (outcome === "refused") throw refused();
      await deleteBackups(
        tx,
        expired.map((one) => one.id),
      );
    });
  } catch (error) {
    if (error instanceof Failure && DECIDED.includes(error.code)) await discard(database, objects, row).catch(() => {});
    throw error;
  }
  return backup;
}

const ABANDONED = "backup.abandoned";
const REFUSED = "backup.refused";
/** Failures after which it is certain that no row was written. */
const DECIDED = [ABANDONED, REFUSED];
const abandoned = () =>
  new Failure(ABANDONED, 503, "the upload took too long or its system is gone; try again", { retryAfterSeconds: 5 });

const refused = () =>
  new Failure(REFUSED, 403, "the backup is not kept: its system was suspended or unregistered while it came");

function keepRenewing({ database, clock }: UploadDeps, id: string): () => void {
  let stopped = false;
  let cancel = () => {};
  const wait = () => {
    if (!stopped) cancel = clock.after(RENEW_MS, () => void renew());
  };
  // The next renewal makes up for a failed one; an upload that is not renewed for long is given up.
  const renew = () => renewUpload(database, id, clock.now()).then(wait, wait);
  wait();
  return () => {
    stopped = true;
    cancel();
  };
}

/** Retention cannot make room: pinned and locked backups and uploads under way fill the quota. */
const systemQuota = () => new Failure("backup.system_quota", 413, "backup quota of this system exceeded");
const organizationQuota = () => new Failure("backup.organization_quota", 413, "organization backup quota exceeded");
const full = () => new Failure("storage.full", 507, "the backup storage is full");
