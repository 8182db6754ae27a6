// The application's edge around the domains: prefixes, errors, the admin gate.
import { expect, test } from "bun:test";
import { Elysia } from "elysia";
import { Registry } from "prom-client";
import { Failure } from "../../src/errors.ts";
import { openBodyReader } from "../../src/http/edge/body.ts";
import { openProblems } from "../../src/http/problem.ts";
import { buildRoutes } from "../../src/http/routes.ts";
import { openTrail } from "../../src/http/trail.ts";
import { openLog } from "../../src/log.ts";
import { OWNER } from "../support/actor.ts";
import { testClock } from "../support/clock.ts";

/** An application whose one domain throws what it is given. */
function throwing(thrown: unknown, authorize = async () => OWNER) {
  const logged: string[] = [];
  const clock = testClock();
  const registry = new Registry();
  const routes = () =>
    new Elysia().post(
      "/broken",
      async (): Promise<void> => {
        throw thrown;
      },
      { parse: "none" },
    );
  const app = buildRoutes({
    open: { prefixes: ["/api", "/collect/api"], routes: [routes()] },
    operators: {
      prefix: "/api/admin",
      routes: [routes()],
      authorize,
      trail: openTrail(
        () => {},
        () => "",
      ),
    },
    reader: openBodyReader({ clock }),
    problems: openProblems({
      clock,
      log: openLog({ level: "debug", format: "text", write: (line) => logged.push(line) }),
      registry,
      isForeign: () => false,
    }),
    document: {
      info: { title: "Test", version: "0", description: "" },
      securitySchemes: {},
      defaultScheme: "operator",
    },
  });
  const call = async (path: string) => {
    const response = await app.handle(new Request(`http://gw${path}`, { method: "POST" }));
    const body: unknown = await response.json();
    return { status: response.status, headers: response.headers, body: body as { message: string; data: unknown } };
  };
  return { call, logged, clock, metrics: () => registry.metrics() };
}

test("what nobody foresaw is a 500 with a request id, under which the log says what it was", async () => {
  for (const thrown of [new Error("password is hunter2"), "hunter2", { secret: "hunter2" }, new TypeError("hunter2")]) {
    const { call, logged } = throwing(thrown);
    const { status, body } = await call("/api/broken");
    expect([status, body.message]).toEqual([500, "internal server error"]);
    const { request_id } = body.data as { request_id: string };
    expect(request_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(body)).not.toContain("hunter2");
    expect(logged.join("")).toContain(request_id);
    if (thrown instanceof Error) expect(logged.join("")).toContain("hunter2");
  }
});

test("a failure shows its sentence and data, keeps its detail for the log and asks no proxy to keep it", async () => {
  const failure = new Failure("x.away", 503, "away right now", {
    detail: "10.0.0.1 refused",
    data: { part: "x" },
    retryAfterSeconds: 3,
  });
  const { call, logged } = throwing(failure);
  const { status, headers, body } = await call("/collect/api/broken");
  expect([status, body]).toEqual([503, { code: 503, message: "away right now", data: { part: "x" } } as never]);
  expect(headers.get("retry-after")).toBe("3");
  expect(headers.get("cache-control")).toBe("no-store");
  expect(logged.join("")).toContain("10.0.0.1 refused");
});

test("what fails for everybody is logged once a minute and client, and counted each time", async () => {
  const { call, logged, clock, metrics } = throwing(new Failure("x.away", 503, "away right now"));
  const { call: callSlow, logged: loggedSlow } = throwing(new Failure("request.slow", 408, "too slow"));
  for (let count = 0; count < 50; count += 1) {
    await call("/api/broken");
    await callSlow("/api/broken");
  }
  expect(logged).toHaveLength(1);
  expect(logged[0]).toContain("address=127.0.0.1");
  expect(loggedSlow).toHaveLength(1);
  expect(await metrics()).toContain('muster_http_refusals_total{reason="x.away"} 50');
  await clock.advance(60_000);
  await call("/api/broken");
  expect(logged).toHaveLength(2);
});

test("a client's own mistake is not logged", async () => {
  const { call, logged } = throwing(new Failure("x.bad", 400, "bad"));
  expect((await call("/api/broken")).status).toBe(400);
  expect(logged).toEqual([]);
});

test("the admin gate comes before the route, and stands only before admin routes", async () => {
  let asked = 0;
  const { call } = throwing(new Failure("x.reached", 404, "reached"), async () => {
    asked += 1;
    throw new Failure("auth.refused", 401, "no token");
  });
  expect((await call("/api/admin/broken")).body.message).toBe("no token");
  expect((await call("/api/broken")).body.message).toBe("reached");
  expect(asked).toBe(1);
});
