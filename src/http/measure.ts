// Request metrics, measured around the application so that no route pays for hooks.
import { Counter, Histogram } from "prom-client";
import type { Registry } from "prom-client";

export interface Measured {
  (request: Request, handle: () => Response | Promise<Response>): Promise<Response>;
}

const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Labels are the routes without parameters; everything else falls under a prefix, so their number is bounded. */
export function openMeasure(registry: Registry, staticRoutes: Iterable<string>): Measured {
  const routes = new Set(staticRoutes);
  const requests = new Counter({
    name: "muster_http_requests_total",
    help: "Requests answered, by route, method and status.",
    labelNames: ["route", "method", "status"],
    registers: [registry],
  });
  const latency = new Histogram({
    name: "muster_http_request_seconds",
    help: "Time from a request's head to its answer, by route.",
    labelNames: ["route"],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  });
  // Looking a child up by its labels is dearer than answering a heartbeat; each pair is looked up once.
  const children = new Map<string, { count(): void; observe(seconds: number): void }>();
  const childOf = (route: string, method: string, status: number) => {
    const key = `${method} ${status} ${route}`;
    const known = children.get(key);
    if (known) return known;
    const [counter, histogram] = [requests.labels(route, method, String(status)), latency.labels(route)];
    const child = { count: () => counter.inc(), observe: (seconds: number) => histogram.observe(seconds) };
    children.set(key, child);
    return child;
  };

  return async (request, handle) => {
    const startedMs = performance.now();
    const response = await handle();
    const child = childOf(routeOf(request.url, routes), knownMethod(request.method), response.status);
    child.count();
    child.observe((performance.now() - startedMs) / 1000);
    return response;
  };
}

function routeOf(url: string, routes: Set<string>): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  const path = url.slice(start, end === -1 ? undefined : end);
  if (routes.has(path)) return path;
  return path.startsWith("/api/admin/") ? "/api/admin/*" : "other";
}

const METHODS = new Set(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]);
const knownMethod = (method: string) => (METHODS.has(method) ? method : "other");
