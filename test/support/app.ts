// The real app on a database of its own, with a clock that the test moves. No listener: requests go straight in.
import { join } from "node:path";
import { OWNER } from "./actor.ts";
import { openApp } from "../../src/app/open.ts";
import type { App } from "../../src/app/open.ts";
import { parseConfig } from "../../src/app/settings.ts";
import type { Environment } from "../../src/config/environment.ts";
import type { CreatedSystem } from "../../src/domains/systems/schema.ts";
import { openLog } from "../../src/log.ts";
import { testClock } from "./clock.ts";
import type { TestClock } from "./clock.ts";
import { createTestDatabase } from "./postgres.ts";
import type { TestDatabase } from "./postgres.ts";
import { PATIENCE, runDirectory } from "./run.ts";

export interface Answer<Data = Record<string, unknown>> {
  status: number;
  headers: Headers;
  text: string;
  body: { code: number; message: string; data: Data };
}

export interface TestSystem extends CreatedSystem {
  /** `Authorization` of the system. */
  authorization: string;
}

export interface TestApp extends AsyncDisposable {
  app: App;
  clock: TestClock;
  database: TestDatabase["database"];
  databaseUrl: string;
  /** Lines the app logged. */
  logged: string[];
  request<Data = Record<string, unknown>>(
    method: string,
    path: string,
    options?: RequestOptions,
  ): Promise<Answer<Data>>;
  /** A system that was added and, unless told otherwise, has registered. */
  addSystem(name?: string, options?: { registered?: boolean; organization?: string }): Promise<TestSystem>;
  /** The same as `request`, with an operator's token. */
  admin<Data = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Answer<Data>>;
}

export interface RequestOptions {
  authorization?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
}

export async function openTestApp(
  env: Environment = {},
  existing?: Pick<TestDatabase, "url" | "database">,
  /** 1 where a service that does not answer is the subject. */
  patience = PATIENCE,
): Promise<TestApp> {
  const own = existing ? undefined : await createTestDatabase();
  const testDatabase = existing ?? own;
  if (!testDatabase) throw new Error("no database");
  const clock = testClock();
  const logged: string[] = [];
  const config = parseConfig({ DATABASE_URL: testDatabase.url, DATA_DIR: join(runDirectory(), "nowhere"), ...env });
  const log = openLog({ level: "debug", format: "text", write: (line) => logged.push(line) });
  const app = await openApp(config, { role: "serve", log, version: "0.0.0-test", clock, patience });
  let token: string | undefined;

  const request: TestApp["request"] = async (method, path, { authorization, headers, body } = {}) => {
    const url = `http://localhost${path}`;
    const response = await app.handle(
      new Request(url, {
        method,
        headers: { ...(authorization ? { authorization } : {}), ...headers },
        ...(body === undefined ? {} : { body }),
      }),
    );
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text === "" ? undefined : JSON.parse(text),
    };
  };

  return {
    app,
    clock,
    database: testDatabase.database,
    databaseUrl: testDatabase.url,
    logged,
    request,
    async addSystem(name = "Branch 12", { registered = true, organization } = {}) {
      const created = await app.api.systems.add(OWNER, {
        name,
        ...(organization ? { organization_id: organization } : {}),
      });
      if (registered) {
        const body = JSON.stringify({ system_secret: created.system_secret });
        const { status } = await request("POST", "/api/systems/register", { body });
        if (status !== 200) throw new Error(`the test system could not register: ${status}`);
      }
      return { ...created, authorization: basic(created.system_key, created.system_secret) };
    },
    async admin(method, path, body) {
      token ??= (await app.api.operators.addToken(OWNER, "test")).token;
      return request(method, path, {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    },
    async [Symbol.asyncDispose]() {
      await app.stop();
      await own?.[Symbol.asyncDispose]();
    },
  };
}

export const basic = (key: string, secret: string) => `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`;
