// Measures requests around the application, so that no route pays for hooks.
import { Counter, Histogram } from "prom-client";
import type { Registry } from "prom-client";

export interface Measured {
  (request: Request, handle: () => Response | Promise<Response>): Promise<Response>;
}

const REQUESTS = {
  name: "muster_http_requests_total",
  help: "Requests answered, by route, method and status.",
  labelNames: ["route", "method", "status"],
};
const LATENCY = {
  name: "muster_http_request_seconds",
  help: "Time from a request's head to its answer, by route.",
  labelNames: ["route"],
};
const BUCKETS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000];

/** Labels are the routes without parameters; everything else falls under one of the prefixes, so their number is bounded. */
export function openMeasure(
  registry: Registry,
  { paths, prefixes }: { paths: Iterable<string>; prefixes: readonly string[] },
): Measured {
  const known = new Set(paths);
  const routes = new Map<string, RouteTally>();

  new Counter({
    ...REQUESTS,
    registers: [registry],
    collect() {
      this.reset();
      for (const [route, { answers }] of routes)
        for (const { method, status, count } of answers) this.inc({ route, method, status }, count);
    },
  });
  new TalliedHistogram(registry, routes);

  return async (request, handle) => {
    const startedMs = performance.now();
    const response = await handle();
    const route = routeOf(request.url, known, prefixes);
    let tally = routes.get(route);
    if (!tally) routes.set(route, (tally = newTally()));
    count(tally, request.method, response.status);
    observe(tally, performance.now() - startedMs);
    return response;
  };
}

/** Counted here in plain numbers: prom-client's own bookkeeping is dearer than answering a heartbeat. */
interface RouteTally {
  /** Few pairs a route, so a list beats a map. */
  answers: { method: string; status: number; count: number }[];
  /** One a bucket, and one for what is slower than all of them. */
  buckets: number[];
  sumMs: number;
}

const newTally = (): RouteTally => ({ answers: [], buckets: Array(BUCKETS_MS.length + 1).fill(0), sumMs: 0 });

function count({ answers }: RouteTally, givenMethod: string, status: number): void {
  const method = METHODS.has(givenMethod) ? givenMethod : "other";
  for (const answer of answers) {
    if (answer.status === status && answer.method === method) return void (answer.count += 1);
  }
  answers.push({ method, status, count: 1 });
}

function observe(tally: RouteTally, ms: number): void {
  let index = 0;
  while (ms > (BUCKETS_MS[index] ?? Infinity)) index += 1;
  tally.buckets[index] = (tally.buckets[index] ?? 0) + 1;
  tally.sumMs += ms;
}

/** prom-client's histogram as far as a scrape sees it, over tallies that are kept elsewhere. */
class TalliedHistogram extends Histogram {
  readonly #routes: ReadonlyMap<string, RouteTally>;

  constructor(registry: Registry, routes: ReadonlyMap<string, RouteTally>) {
    super({ ...LATENCY, registers: [registry] });
    this.#routes = routes;
  }

  /** What both a scrape and `get` ask for; not in the library's types. */
  getForPromString() {
    const values = [...this.#routes].flatMap(([route, tally]) => samples(route, tally));
    return { ...LATENCY, type: "histogram", aggregator: "sum", values };
  }
}

function samples(route: string, { buckets, sumMs }: RouteTally) {
  const bounds = [...BUCKETS_MS.map((ms) => ms / 1_000), "+Inf"];
  let total = 0;
  const values = bounds.map((le, index) => {
    total += buckets[index] ?? 0;
    return { metricName: `${LATENCY.name}_bucket`, labels: { route, le }, value: total };
  });
  return [
    ...values,
    { metricName: `${LATENCY.name}_sum`, labels: { route }, value: sumMs / 1_000 },
    { metricName: `${LATENCY.name}_count`, labels: { route }, value: total },
  ];
}

function routeOf(url: string, known: Set<string>, prefixes: readonly string[]): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  const path = end === -1 ? url.slice(start) : url.slice(start, end);
  if (known.has(path)) return path;
  const prefix = prefixes.find((one) => path.startsWith(`${one}/`));
  return prefix === undefined ? "other" : `${prefix}/*`;
}

const METHODS = new Set(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]);
