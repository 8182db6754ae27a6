// Finds the faults that only show when several settings are seen together: roles, TLS, addresses, S3.
import { ROLES } from "./gateway.ts";
import type { http, processes } from "./gateway.ts";
import type { database, objects } from "./services.ts";
import type { Settings, ValuesOf } from "./setting.ts";

/** What could be read of them. */
interface Seen {
  database?: Read<typeof database>;
  http?: Read<typeof http>;
  objects?: Read<typeof objects>;
  processes?: Read<typeof processes>;
}
type Read<All extends Settings> = Partial<ValuesOf<All>>;

/** A sentence each. */
export function findFaults(config: Seen): string[] {
  return [...findS3Faults(config), ...findRoleFaults(config), ...findTlsFaults(config), ...findAddressFaults(config)];
}

/** Roles that no other process could take over, and processes without a role. */
function findRoleFaults({ processes: { roles, count } = {}, database }: Seen): string[] {
  if (!roles) return [];
  const faults: string[] = [];
  const missing = ROLES.filter((role) => !roles.includes(role));
  if (missing.length > 0 && database?.url === undefined)
    faults.push(
      `ROLES leaves out ${missing.join(" and ")}, and no other muster can reach the carried PostgreSQL: set DATABASE_URL, or leave ROLES unset.`,
    );
  if (count !== undefined && count > 1 && !roles.includes("http"))
    faults.push(`PROCESSES counts HTTP processes, and ROLES leaves out http: unset one of them.`);
  return faults;
}

function findTlsFaults({ http: { tlsCertFile, tlsKeyFile, tlsClientCaFile } = {} }: Seen): string[] {
  if (tlsCertFile && !tlsKeyFile) return ["TLS_CERT_FILE is set, so TLS_KEY_FILE must be set too."];
  if (tlsKeyFile && !tlsCertFile) return ["TLS_KEY_FILE is set, so TLS_CERT_FILE must be set too."];
  if (tlsClientCaFile && !tlsCertFile)
    return ["TLS_CLIENT_CA_FILE is set, so TLS_CERT_FILE and TLS_KEY_FILE must be set too."];
  return [];
}

const EVERY_INTERFACE = ["0.0.0.0", "::"];

/** Two listeners cannot share a port, unless on two addresses that are named; 0 is another port each time. */
function findAddressFaults({ http: { listenAddress: main, healthListenAddress: health } = {} }: Seen): string[] {
  if (!main || !health || main.port !== health.port || main.port === 0) return [];
  const isShared = [main, health].some(({ hostname }) => EVERY_INTERFACE.includes(hostname));
  if (main.hostname !== health.hostname && !isShared) return [];
  return [`LISTEN_ADDRESS and HEALTH_LISTEN_ADDRESS both have the port ${main.port}: set another one for one of them.`];
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\]|my\.localtest\.me)$/;

function findS3Faults({ objects = {} }: Seen): string[] {
  const { endpoint, accessKey, secretKey, bucket, allowsInsecure } = objects;
  if (endpoint === undefined) return [];
  const faults: string[] = [];
  const missing = Object.entries({
    S3_ACCESS_KEY: accessKey,
    S3_SECRET_KEY: secretKey,
    BACKUP_S3_BUCKET: bucket,
  }).filter(([, value]) => value === undefined);
  if (missing.length > 0)
    faults.push(`S3_ENDPOINT is set, so ${missing.map(([name]) => name).join(", ")} must be set too.`);
  const { protocol, hostname } = new URL(endpoint);
  if (protocol === "http:" && !LOOPBACK.test(hostname) && allowsInsecure === false)
    faults.push(
      `S3_ENDPOINT must be https: backups and keys would travel in the clear to ${hostname}. BACKUP_S3_ALLOW_INSECURE=true allows it.`,
    );
  return faults;
}
