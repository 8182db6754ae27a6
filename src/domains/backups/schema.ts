// Describes backups on the wire, and names the queues of their jobs.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { Cursor, NextCursor, Nullable, OneOf, Time } from "../../values/schema.ts";

export const TIDY_QUEUE = "backup:tidy";
export const VERIFY_DUE_QUEUE = "backup:verify-due";
export const VERIFY_QUEUE = "backup:verify";
export const SWEEP_QUEUE = "backup:sweep";
export const FRESHNESS_QUEUE = "backup:readiness";

const STATES = ["kept", "damaged", "lost"] as const;

/** The answer to an upload. */
export const Uploaded = Type.Object({
  id: Type.String({ description: "UUIDv7 and the name's extension" }),
  filename: Type.String(),
  size: Type.Integer(),
  sha256: Type.String(),
  mimetype: Type.String(),
  uploaded_at: Time,
});
export type Uploaded = Static<typeof Uploaded>;

/** A backup as its own system sees it. */
export const OwnBackup = Type.Object({
  ...Uploaded.properties,
  encryption: OneOf(["encrypted", "plain", "unknown"]),
  state: OneOf(STATES),
  pinned: Type.Boolean(),
  locked_until: Nullable(Time),
  verified_at: Nullable(Time),
});
export type OwnBackup = Static<typeof OwnBackup>;
export type Encryption = OwnBackup["encryption"];
export const OwnBackups = Type.Object({ backups: Type.Array(OwnBackup) });

/** A backup as operators see it. */
export const Backup = Type.Object({
  ...OwnBackup.properties,
  system_key: Type.String(),
  organization_id: Type.String(),
  uploader_ip: Nullable(Type.String()),
  checked_at: Time,
});
export type Backup = Static<typeof Backup>;

export const BackupDetails = Type.Object({
  ...Backup.properties,
  alerts: Type.Array(Type.Object({ cause: Type.String(), message: Type.String(), opened_at: Time })),
});

const Limit = Type.Integer({ minimum: 1, maximum: 200, default: 50 });

export const BackupsQuery = Type.Object({
  system: Type.Optional(Type.String({ maxLength: 255, description: "Key or id of the system." })),
  organization: Type.Optional(Type.String({ maxLength: 255 })),
  state: Type.Optional(OneOf(STATES)),
  limit: Limit,
  cursor: Cursor,
});
export type BackupsQuery = Static<typeof BackupsQuery>;
export const BackupPage = Type.Object({ backups: Type.Array(Backup), next_cursor: NextCursor });

export const AlertsQuery = Type.Object({
  system: Type.Optional(Type.String({ maxLength: 255 })),
  open: Type.Boolean({ default: true }),
  limit: Limit,
  cursor: Cursor,
});
export type AlertsQuery = Static<typeof AlertsQuery>;

export const LinkRequest = Type.Object(
  { ttl_seconds: Type.Optional(Type.Integer({ minimum: 10, maximum: 3600 })) },
  { additionalProperties: false },
);

export const LinkQuery = Type.Object({
  expires: Type.Integer({ minimum: 0, maximum: 1e11 }),
  link: Type.String({ maxLength: 36, pattern: "^[0-9a-f-]{36}$" }),
  token: Type.String({ maxLength: 36, pattern: "^[0-9a-f-]{36}$" }),
  signature: Type.String({ maxLength: 64, pattern: "^[A-Za-z0-9_-]{43}$" }),
});
