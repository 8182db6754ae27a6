// The only maker of error answers: a Failure becomes its status and sentence, anything else a 500 without inner text.
import { randomUUID } from "node:crypto";
import { Failure, reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";

/** Turns whatever a route threw into the envelope `{code, message, data}`; what is our fault goes to the log. */
export function problemResponse(error: unknown, request: Request, log: Log): Response {
  const failure = asFailure(error);
  const path = pathOf(request.url);
  const answer = PLAIN_ERRORS.test(path) ? plainResponse : envelopeResponse;
  if (failure === undefined) {
    const requestId = randomUUID();
    const where = error instanceof Error ? error.stack : undefined;
    log.error("A request failed unexpectedly.", { request_id: requestId, path, reason: reasonOf(error), where });
    return answer(500, "internal server error", { request_id: requestId });
  }
  if (failure.status >= 500) {
    log.warn("A request could not be served.", {
      code: failure.code,
      status: failure.status,
      path,
      reason: reasonOf(failure),
    });
  }
  const headers: Record<string, string> = { "cache-control": "no-store", ...failure.headers };
  if (failure.retryAfterSeconds !== undefined) headers["retry-after"] = String(failure.retryAfterSeconds);
  return answer(failure.status, failure.message, failure.data, headers);
}

function asFailure(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error;
  // Elysia's own: no such route, and a body or a query it could not decode.
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "NOT_FOUND") return new Failure("http.not_found", 404, "api not found");
  if (code === "PARSE" || code === "INVALID_COOKIE_SIGNATURE")
    return new Failure("http.malformed", 400, "malformed request");
  return undefined;
}

function envelopeResponse(
  code: number,
  message: string,
  data: unknown,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ code, message, data }, { status: code, headers });
}

/** Clients of Alertmanager's API read an error as a JSON string, and cannot read anything else. */
const PLAIN_ERRORS = /\/services\/mimir\/alertmanager\/api\/v2\//;

function plainResponse(code: number, message: string, _data: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(message, { status: code, headers });
}

function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  return start === -1 ? "/" : url.slice(start, end === -1 ? undefined : end).slice(0, 200);
}
