// Answers the operations listener: is it alive, is it ready, what does it measure, what is it doing.
import type { Check } from "../domain.ts";
import { reasonOf } from "../errors.ts";

interface OperationsDeps {
  version: string;
  readiness(): Promise<Readiness>;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  stats(): Promise<Record<string, unknown>>;
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A check that does not come back by then counts as failed: a probe must get its answer. */
const PROBE_TIMEOUT_MS = 2_500;

export function operationsHandler({ version, readiness, metrics, stats }: OperationsDeps) {
  return async (request: Request): Promise<Response> => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      const headers = { allow: "GET, HEAD" };
      return Response.json({ code: 405, message: "only GET and HEAD", data: null }, { status: 405, headers });
    }
    switch (new URL(request.url).pathname) {
      case "/health":
        return Response.json({ code: 200, message: "service healthy", data: { version } });
      case "/ready": {
        const report = await readiness();
        const code = report.status === "unready" ? 503 : 200;
        return Response.json({ code, message: `service ${report.status}`, data: report }, { status: code });
      }
      case "/metrics":
        return new Response(await metrics(), { headers: { "content-type": METRICS_TYPE } });
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
  checks: Record<string, CheckResult>;
}

export interface CheckResult {
  status: "ok" | "degraded" | "failed";
  reason?: string;
  /** What an operator does about it. */
  advice?: string;
}

/** Runs all checks at once. One failure makes it unready, one warning degraded. */
export async function checkReadiness(all: readonly Check[]): Promise<Readiness> {
  const checks = all.filter(({ onDemand = false }) => !onDemand);
  const results = await Promise.all(checks.map((one) => runCheck(one, PROBE_TIMEOUT_MS)));
  const entries = checks.map(({ name }, index) => [name, results[index] ?? { status: "failed" as const }] as const);
  return readinessOf(Object.fromEntries(entries));
}

/** What several processes found, as one: of each check the worst. */
export function worstOf(found: readonly Readiness[]): Readiness {
  const checks: Readiness["checks"] = {};
  for (const [name, result] of found.flatMap((one) => Object.entries(one.checks))) {
    const known = checks[name];
    if (!known || SEVERITY.indexOf(result.status) > SEVERITY.indexOf(known.status)) checks[name] = result;
  }
  return readinessOf(checks);
}

const SEVERITY = ["ok", "degraded", "failed"];

function readinessOf(checks: Readiness["checks"]): Readiness {
  const has = (status: string) => Object.values(checks).some((one) => one.status === status);
  return { status: has("failed") ? "unready" : has("degraded") ? "degraded" : "ready", checks };
}

export async function runCheck(
  { run, advice, patience = 1 }: Omit<Check, "name">,
  mostMs: number,
): Promise<CheckResult> {
  const limitMs = mostMs * patience;
  const { promise: late, resolve } = Promise.withResolvers<never>();
  const timer = setTimeout(resolve, limitMs);
  try {
    const reason = await Promise.race([
      run(),
      late.then(() => Promise.reject(new Error(`no answer within ${limitMs} ms`))),
    ]);
    return reason === undefined ? { status: "ok" } : { status: "degraded", reason, advice };
  } catch (error) {
    return { status: "failed", reason: reasonOf(error), advice };
  } finally {
    clearTimeout(timer);
  }
}
