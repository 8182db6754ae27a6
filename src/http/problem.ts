// Makes every error answer: a Failure becomes its status and sentence, anything else a 500 without inner text.
import { randomUUID } from "node:crypto";
import { Counter } from "prom-client";
import type { Registry } from "prom-client";
import { Failure, reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import { clientNetwork } from "./edge/credentials.ts";
import { openNotes } from "./notes.ts";
import type { PeerSource } from "./listen/peer.ts";

interface ProblemsDeps {
  clock: Clock;
  log: Log;
  /** Where refusals are counted. */
  registry: Registry;
  /** Clients of another service's protocol read an error as a JSON string, and cannot read anything else. */
  isForeign(path: string): boolean;
}

/** Turns whatever a route threw into the answer. */
export type Problems = (error: unknown, request: Request, server: PeerSource | null) => Response;

/** What is our fault goes to the log, and so do bodies that are given up: once a minute and client each, however often. */
export function openProblems({ clock, log, registry, isForeign }: ProblemsDeps): Problems {
  const count = countRefusals(registry);
  const warnOnce = openNotes({ clock, note: log.warn, more: "More requests could not be served than are named." });
  const noteOnce = openNotes({ clock, note: log.info, more: "More bodies were given up than are named." });

  return (error, request, server) => {
    const path = pathOf(request.url);
    const answer = isForeign(path) ? plainResponse : envelopeResponse;
    const failure = asFailure(error);
    count(failure?.code ?? "internal");
    if (failure === undefined) {
      const requestId = randomUUID();
      const where = error instanceof Error ? error.stack : undefined;
      log.error("A request failed unexpectedly.", { request_id: requestId, path, reason: reasonOf(error), where });
      return answer(500, "internal server error", { request_id: requestId });
    }
    const { code, status } = failure;
    if (status >= 500 || GIVEN_UP.has(code)) {
      const address = clientNetwork(server, request);
      const facts = { code, status, path, address, reason: reasonOf(failure) };
      if (status >= 500) warnOnce(`${code} ${address}`, "A request could not be served.", facts);
      else noteOnce(`${code} ${address}`, "A body was given up.", facts);
    }
    const headers: Record<string, string> = { "cache-control": "no-store", ...failure.headers };
    if (failure.retryAfterSeconds !== undefined) headers["retry-after"] = String(failure.retryAfterSeconds);
    return answer(status, failure.message, failure.data, headers);
  };
}

const GIVEN_UP = new Set(["request.stalled", "request.slow", "body.sender_busy"]);

/** Codes are ours, so their number is bounded. Counted in plain numbers, which cost an attack nothing to speak of. */
function countRefusals(registry: Registry): (reason: string) => void {
  const counts = new Map<string, number>();
  new Counter({
    name: "muster_http_refusals_total",
    help: "Requests answered with an error, by the reason's code.",
    labelNames: ["reason"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, value] of counts) this.inc({ reason }, value);
    },
  });
  return (reason) => void counts.set(reason, (counts.get(reason) ?? 0) + 1);
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

function plainResponse(code: number, message: string, _data: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(message, { status: code, headers });
}

function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  return start === -1 ? "/" : url.slice(start, end === -1 ? undefined : end).slice(0, 200);
}
