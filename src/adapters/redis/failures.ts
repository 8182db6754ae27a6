// Tells which errors of Redis mean that it cannot be used now; those become a Failure that callers may retry.
import { Failure } from "../../errors.ts";

/** Replies of a reachable server that cannot serve: it loads, is full, cannot write to disk, is a replica or cluster, needs a login. */
const UNAVAILABLE_REPLIES =
  /^(LOADING|OOM|MISCONF|READONLY|MASTERDOWN|BUSY|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|UNBLOCKED|CLUSTERDOWN|MOVED|CROSSSLOT|ERR SELECT is not allowed|ERR Script attempted to access|ERR max number of clients|ERR invalid password|ERR DB index)/;

/** Errors of ioredis itself: no connection, or no answer in time. */
const CONNECTION_WORDS =
  /^(Command timed out|Connection is closed|Connection is in |Stream isn't writeable|Reached the max retries per request|Socket (closed|timeout)|connect |read |write |getaddrinfo )/;
const SYSTEM_CODES = /^E[A-Z]+$/;

/** Returns a Failure for an unusable server, and every other error unchanged. */
export function redisError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Failure) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const away =
    error.name === "ReplyError"
      ? UNAVAILABLE_REPLIES.test(error.message)
      : error.name === "MaxRetriesPerRequestError" || SYSTEM_CODES.test(code) || CONNECTION_WORDS.test(error.message);
  if (!away) return error;
  return new Failure("queue.unavailable", 503, "The queue is not available right now.", {
    retryAfterSeconds: 1,
    detail: `Redis: ${error.message.slice(0, 200)}`,
    cause: error,
  });
}
