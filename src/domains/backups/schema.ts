// Shapes of backups on the wire, and the names of their jobs.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";

export const TIDY_QUEUE = "backup:tidy";
export const VERIFY_DUE_QUEUE = "backup:verify-due";
export const VERIFY_QUEUE = "backup:verify";
export const SWEEP_QUEUE = "backup:sweep";
export const READINESS_QUEUE = "backup:readiness";

const Nullable = <T extends ReturnType<typeof Type.String>>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: "date-time" });
const Literals = <const T extends string>(names: readonly T[]) => Type.Union(names.map((name) => Type.Literal(name)));

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
  encryption: Literals(["encrypted", "plain", "unknown"]),
  state: Literals(STATES),
  pinned: Type.Boolean(),
  locked_until: Nullable(Time),
  verified_at: Nullable(Time),
});
export type OwnBackup = Static<typeof OwnBackup>;
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

const Cursor = Type.Optional(Type.String({ maxLength: 2048 }));
const Limit = Type.Integer({ minimum: 1, maximum: 200, default: 50 });

export const BackupsQuery = Type.Object({
  system: Type.Optional(Type.String({ maxLength: 255, description: "Key or id of the system." })),
  organization: Type.Optional(Type.String({ maxLength: 255 })),
  state: Type.Optional(Literals(STATES)),
  limit: Limit,
  cursor: Cursor,
});
export type BackupsQuery = Static<typeof BackupsQuery>;
export const BackupPage = Type.Object({ backups: Type.Array(Backup), next_cursor: Nullable(Type.String()) });

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
