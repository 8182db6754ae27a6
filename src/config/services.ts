// Declares the settings of the services that Muster stands on: database, Redis, S3.
import {
  bucketName,
  environmentName,
  integer,
  longSecret,
  optional,
  s3Endpoint,
  setting,
  url,
  yesNo,
} from "./setting.ts";

export const database = {
  url: setting(
    "DATABASE_URL",
    "Your PostgreSQL (14 or newer). Empty: the carried one.",
    "",
    optional(url("postgres:", "postgresql:")),
    true,
  ),
  maxConnections: setting("DATABASE_MAX_CONNS", "Most connections that one process opens.", "10", integer(2, 1000)),
};

export const redis = {
  url: setting(
    "REDIS_URL",
    "Your Redis (6.2 or newer) for queue, rate limits and signals. Empty: PostgreSQL and this process.",
    "",
    optional(url("redis:", "rediss:", "unix:")),
    true,
  ),
  db: setting("REDIS_DB", "Number of the Redis database, unless the URL names one.", "1", integer(0, 1_000)),
  password: setting("REDIS_PASSWORD", "Password of Redis, unless the URL contains one.", "", optional(String), true),
  environment: setting(
    "APP_ENV",
    "Last part of the Redis channel on which a NethServer backend announces changed credentials.",
    "dev",
    environmentName,
  ),
  hmacSecret: setting(
    "INTERNAL_HMAC_SECRET",
    "Key with which that backend signs its messages, 32 characters or more. Empty: signatures are not checked.",
    "",
    optional(longSecret),
    true,
  ),
};

export const objects = {
  endpoint: setting(
    "S3_ENDPOINT",
    "S3 for backups, such as https://ams3.digitaloceanspaces.com. Empty: DATA_DIR/objects.",
    "",
    optional(s3Endpoint),
  ),
  accessKey: setting("S3_ACCESS_KEY", "Access key of S3_ENDPOINT.", "", optional(String)),
  secretKey: setting("S3_SECRET_KEY", "Secret key of S3_ENDPOINT.", "", optional(String), true),
  region: setting("BACKUP_S3_REGION", "Region of the bucket.", "us-east-1", String),
  bucket: setting("BACKUP_S3_BUCKET", "Bucket that holds the backups.", "", optional(bucketName)),
  usesPathStyle: setting(
    "BACKUP_S3_USE_PATH_STYLE",
    "Bucket in the path instead of the host name: MinIO, Garage, Ceph.",
    "false",
    yesNo,
  ),
  allowsInsecure: setting(
    "BACKUP_S3_ALLOW_INSECURE",
    "Allow plain http for an S3_ENDPOINT on another machine.",
    "false",
    yesNo,
  ),
};
