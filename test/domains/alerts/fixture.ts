// Opens the app beside an Alertmanager, with a clock that agrees with Alertmanager's; workers run when a test says so.
import type { Environment } from "../../../src/config/environment.ts";
import { openTestApp } from "../../support/app.ts";
import type { Answer, TestApp, TestSystem } from "../../support/app.ts";
import type { TestDatabase } from "../../support/postgres.ts";

export const API = "/collect/api/services/mimir/alertmanager/api/v2";

export interface AlertsApp extends TestApp {
  /** A call of a machine; `body` is JSON text or what becomes it. */
  call<Body = unknown>(
    system: TestSystem,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; text: string; json: Body; headers: Headers }>;
  drain(): Promise<void>;
}

export async function openAlertsApp(
  env: Environment,
  existing?: Pick<TestDatabase, "url" | "database">,
): Promise<AlertsApp> {
  const opened = await openTestApp(env, existing);
  await opened.clock.advance(Date.now() - opened.clock.now().getTime());
  return {
    ...opened,
    async call(system, method, path, body) {
      const {
        status,
        text,
        headers,
        body: json,
      }: Answer = await opened.request(method, `${API}/${path}`, {
        authorization: system.authorization,
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      return { status, text, headers, json: json as never };
    },
    drain: () => opened.app.runner.drain(),
  };
}

export const alert = (labels: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  labels: { alertname: "DiskFull", ...labels },
  ...more,
});

const hour = (ahead: number) => new Date(Date.now() + ahead * 3_600_000).toISOString();
export const silence = (matchers: unknown, more: Record<string, unknown> = {}) => ({
  matchers,
  startsAt: hour(0),
  endsAt: hour(2),
  createdBy: "ops",
  comment: "maintenance",
  ...more,
});
export const matcher = (name: string, value: string, more: Record<string, unknown> = {}) => ({
  name,
  value,
  isRegex: false,
  ...more,
});

/** An upstream that answers as it is told, and remembers what it was asked. */
export function startUpstream(answer: (request: Request, body: string) => Response | Promise<Response>) {
  const asked: { method: string; url: URL; tenant: string | null; authorization: string | null; body: string }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const body = await request.text();
      asked.push({
        method: request.method,
        url: new URL(request.url),
        tenant: request.headers.get("x-scope-orgid"),
        authorization: request.headers.get("authorization"),
        body,
      });
      return answer(request, body);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    stop: () => server.stop(true),
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}
