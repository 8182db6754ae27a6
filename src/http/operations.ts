// The operations listener: is it alive, is it ready, what does it measure, what is it doing.
import type { Registry } from "prom-client";
import type { Check } from "../domain.ts";
import { reasonOf } from "../errors.ts";

export interface OperationsDeps {
  version: string;
  checks: Check[];
  registry: Registry;
  stats(): Promise<Record<string, unknown>>;
}

/** A check that does not come back by then counts as failed: a probe must get its answer. */
const CHECK_TIMEOUT_MS = 2_500;

export function operationsHandler({ version, checks, registry, stats }: OperationsDeps) {
  return async (request: Request): Promise<Response> => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      const headers = { allow: "GET, HEAD" };
      return Response.json({ code: 405, message: "only GET and HEAD", data: null }, { status: 405, headers });
    }
    switch (new URL(request.url).pathname) {
      case "/health":
        return Response.json({ code: 200, message: "service healthy", data: { version } });
      case "/ready": {
        const report = await checkReadiness(checks);
        const code = report.status === "unready" ? 503 : 200;
        return Response.json({ code, message: `service ${report.status}`, data: report }, { status: code });
      }
      case "/metrics":
        return new Response(await registry.metrics(), { headers: { "content-type": registry.contentType } });
      case "/stats":
        try {
          return Response.json({ code: 200, message: "statistics", data: await stats() });
        } catch (error) {
          return Response.json(
            { code: 503, message: "statistics are not available right now", data: { reason: reasonOf(error) } },
            { status: 503 },
          );
        }
      default:
        return Response.json(
          { code: 404, message: "not found: try /health, /ready, /metrics or /stats", data: null },
          { status: 404 },
        );
    }
  };
}

export interface Readiness {
  status: "ready" | "degraded" | "unready";
  checks: Record<string, { status: "ok" | "degraded" | "failed"; reason?: string }>;
}

/** Runs all checks at once. One failure makes it unready, one warning degraded. */
export async function checkReadiness(checks: Check[]): Promise<Readiness> {
  const results = await Promise.all(checks.map(runCheck));
  const entries = checks.map(({ name }, index) => [name, results[index] ?? { status: "failed" as const }] as const);
  const status = results.some((one) => one.status === "failed")
    ? "unready"
    : results.some((one) => one.status === "degraded")
      ? "degraded"
      : "ready";
  return { status, checks: Object.fromEntries(entries) };
}

async function runCheck({ run }: Check): Promise<Readiness["checks"][string]> {
  const { promise: late, resolve } = Promise.withResolvers<never>();
  const timer = setTimeout(resolve, CHECK_TIMEOUT_MS);
  try {
    const reason = await Promise.race([
      run(),
      late.then(() => Promise.reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`))),
    ]);
    return reason === undefined ? { status: "ok" } : { status: "degraded", reason };
  } catch (error) {
    return { status: "failed", reason: reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
}
