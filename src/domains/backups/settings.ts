// Declares the settings of backups: quotas, rates, lock and verification.
import { integer, setting, size } from "../../config/setting.ts";
import type { ValuesOf } from "../../config/setting.ts";

export const settings = {
  maxUploadBytes: setting("BACKUP_MAX_UPLOAD_SIZE", "Largest backup.", "2GB", size(1, 5 * 1024 ** 3)),
  maxPerSystem: setting(
    "BACKUP_MAX_PER_SYSTEM",
    "Backups kept of one system; the oldest are deleted first.",
    "10",
    integer(1, 100_000),
  ),
  maxBytesPerSystem: setting(
    "BACKUP_MAX_SIZE_PER_SYSTEM",
    "Bytes kept of one system; the oldest are deleted first, and a larger backup is refused.",
    "500MB",
    size(1, 1024 ** 5),
  ),
  maxBytesPerOrganization: setting(
    "BACKUP_MAX_SIZE_PER_ORG",
    "Bytes kept of one organization; beyond it uploads are refused. 0: no limit.",
    "100GB",
    size(0, 1024 ** 5),
  ),
  perMinute: setting(
    "BACKUP_RATE_LIMIT_PER_MINUTE",
    "Backups one system may upload per minute. 0: no limit.",
    "6",
    integer(0, 1_000_000),
  ),
  perHour: setting(
    "BACKUP_RATE_LIMIT_PER_HOUR",
    "Backups one system may upload per hour. 0: no limit.",
    "60",
    integer(0, 1_000_000),
  ),
  lockDays: setting(
    "BACKUP_LOCK_DAYS",
    "Days in which neither appliance, operator nor retention can delete a backup. 0: none.",
    "0",
    integer(0, 3650),
  ),
  verifyDays: setting(
    "BACKUP_VERIFY_DAYS",
    "Days within which each backup is read back and verified once.",
    "30",
    integer(1, 3650),
  ),
};
export type BackupsSettings = ValuesOf<typeof settings>;
