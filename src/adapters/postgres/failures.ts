// Tells which errors of `pg` mean that the server cannot be used now, and which that it ended a statement; both may be retried.
import { Failure } from "../../errors.ts";

/** SQLSTATE classes and codes: connection, shutdown and recovery, too many connections, read-only standby, … */
const UNAVAILABLE_STATES = [/^08/, /^57P0/, /^53300$/, /^25006$/, /^28/, /^3D000$/, /^58/];
/** Statements ended by the server or its operator, for their time, memory or temporary files. The server itself is healthy. */
const ENDED_STATES = new Set(["57014", "25P03", "25P04", "53200", "53400"]);
const DISK_FULL_STATE = "53100";
const UNAVAILABLE_SYSTEM_CODES = new Set(
  "ECONNREFUSED ECONNRESET ECONNABORTED ENOENT EPIPE ETIMEDOUT ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH EACCES".split(
    " ",
  ),
);
/** Errors of `pg` and `pg-pool` that only their messages identify. */
const UNAVAILABLE_WORDS =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Cannot use a pool after|Client has encountered a connection error|Client was closed|The server does not support SSL)/;

/** Returns a Failure for an unusable server, a full disk or an ended statement, and every other error unchanged. */
export function databaseError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Failure) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const options = { retryAfterSeconds: 1, cause: error, detail: code ? `${code}: ${error.message}` : error.message };
  if (code === DISK_FULL_STATE) {
    return new Failure("database.disk_full", 507, "The database has no disk space left.", options);
  }
  if (ENDED_STATES.has(code)) {
    return new Failure("database.ended", 503, "The database took too long over this.", { ...options, outage: false });
  }
  if (isUnavailable(code, error)) {
    return new Failure("database.unavailable", 503, "The database is not available right now.", options);
  }
  return error;
}

function isUnavailable(code: string, error: Error): boolean {
  if (UNAVAILABLE_SYSTEM_CODES.has(code)) return true;
  if (/^[0-9A-Z]{5}$/.test(code) && "severity" in error) return UNAVAILABLE_STATES.some((state) => state.test(code));
  if (error instanceof AggregateError) return true; // every address of a host name refused
  return UNAVAILABLE_WORDS.test(error.message);
}
