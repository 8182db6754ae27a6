// Every operation of the OpenAPI document, asked in ways right and wrong: never an error of ours, always an answer in its form.
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { OWNER } from "../support/actor.ts";
import { startUpstream } from "../domains/alerts/fixture.ts";
import { openTestApp } from "../support/app.ts";
import type { TestApp } from "../support/app.ts";
import { FUZZ_MS } from "../support/fuzz.ts";
import { temporaryDirectory } from "../support/run.ts";
import { seeded } from "../support/random.ts";
import type { Random } from "../support/random.ts";

interface Parameter {
  name: string;
  in: "path" | "query";
  schema: Schema;
}
interface Schema extends Record<string, unknown> {
  type?: string;
  anyOf?: Schema[];
  const?: unknown;
  properties?: Record<string, Schema>;
  items?: Schema;
  required?: string[];
}
interface Answers {
  content: { "application/json": { schema: Schema } };
}
interface Operation {
  security: Record<string, string[]>[];
  parameters: Parameter[];
  requestBody?: { content: { "application/json": { schema: Schema } } };
  responses: Record<string, Answers>;
}

const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const PER_OPERATION = Math.max(12, Math.ceil(Number(process.env["FUZZ_CASES"] ?? 0) / 500));
const HOSTILE = [
  "",
  "\0",
  "\ud800",
  "é😀",
  "-1",
  "0",
  "1e308",
  "99999999999999999999",
  "../../etc/passwd",
  "%00",
  "%ff",
  "x".repeat(3_000),
  "null",
  "[]",
  "' or 1=1 --",
];

/** A value that fits the schema, or one time in three anything at all. */
function valueFor(schema: Schema, random: Random, known: readonly string[]): unknown {
  if (random.int(3) === 0) return random.pick<unknown>([...HOSTILE, null, true, -5, 1e300, [], {}, [[]], { a: "\0" }]);
  if ("const" in schema) return schema.const;
  if (schema.anyOf) return valueFor(random.pick(schema.anyOf), random, known);
  if (schema.type === "integer" || schema.type === "number") return random.int(300) - 5;
  if (schema.type === "boolean") return random.int(2) === 0;
  if (schema.type === "array")
    return Array.from({ length: random.int(3) }, () => valueFor(schema.items ?? {}, random, known));
  if (schema.type === "object") {
    const entries = Object.entries(schema.properties ?? {}).filter(() => random.int(5) > 0);
    return Object.fromEntries(entries.map(([name, one]) => [name, valueFor(one, random, known)]));
  }
  return random.pick([...known, ...HOSTILE, "2026-01-01T00:00:00Z", "active"]);
}

const asText = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

/** encodeURIComponent refuses lone surrogates; a client that sends bytes does not. */
const encoded = (value: unknown) => encodeURIComponent(asText(value).toWellFormed());

test(
  "no request that can be made of the document is answered with an error of ours, nor in another form than the declared",
  async () => {
    const dataDir = temporaryDirectory("openapi");
    // What Alertmanager would say to everything.
    await using upstream = startUpstream(({ method, url }) => {
      if (method === "POST" && url.endsWith("/alerts")) return new Response(null);
      return Response.json(
        /\/(alerts|silences)(\?|$)/.test(url) && method === "GET" ? [] : { silenceID: crypto.randomUUID() },
      );
    });
    await using muster = await openTestApp({
      DATA_DIR: dataDir,
      MIMIR_URL: upstream.url,
      ALERTING_HISTORY_WEBHOOK_SECRET: "0123456789abcdef0123456789abcdef",
      REGISTER_RATE_PER_MINUTE: "1000000",
      INVENTORY_RATE_PER_MINUTE: "1000000",
    });
    const random = seeded(SEED);
    const { paths } = JSON.parse((await muster.request("GET", "/api/openapi.json")).text) as {
      paths: Record<string, Record<string, Operation>>;
    };
    const operator = `Bearer ${(await muster.app.api.operators.addToken(OWNER, "fuzz")).token}`;
    let asked = 0;
    const seen = new Map<number, number>();
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        // A system of its own for each: some operations suspend and erase.
        const system = await muster.addSystem(`fuzz ${path}`);
        const body = JSON.stringify({ installation: "nethserver", facts: { asked } });
        await muster.request("POST", "/api/systems/inventory", { authorization: system.authorization, body });
        await muster.app.runner.drain();
        const known = [system.system_key, system.system_id];
        for (let turn = 0; turn < PER_OPERATION; turn += 1) {
          const answer = await ask(muster, {
            path,
            method,
            operation,
            operator,
            system: system.authorization,
            random,
            known,
          });
          asked += 1;
          seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        }
      }
    }
    expect(asked).toBeGreaterThan(300);
    // Right and wrong ones alike were among them.
    for (const status of [200, 400, 401, 404]) expect(seen.get(status) ?? 0).toBeGreaterThan(5);
    rmSync(dataDir, { recursive: true, force: true });
  },
  FUZZ_MS * 3,
);

/** What in `value` is not as the schema says: the keywords that the document uses for shapes. */
function misfits(schema: Schema, value: unknown, at = ""): string[] {
  if (schema.anyOf) return schema.anyOf.some((one) => misfits(one, value).length === 0) ? [] : [`${at} fits no choice`];
  if ("const" in schema) return value === schema.const ? [] : [`${at} is not ${JSON.stringify(schema.const)}`];
  const type = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const isWhole = schema.type === "integer" && Number.isInteger(value);
  if (schema.type !== undefined && schema.type !== type && !isWhole) return [`${at} is ${type}, not ${schema.type}`];
  if (Array.isArray(value)) return value.flatMap((one, index) => misfits(schema.items ?? {}, one, `${at}/${index}`));
  if (type !== "object") return [];
  const object = value as Record<string, unknown>;
  const missing = (schema.required ?? [])
    .filter((name) => !Object.hasOwn(object, name))
    .map((name) => `${at}/${name} is missing`);
  const members = Object.entries(schema.properties ?? {}).filter(([name]) => Object.hasOwn(object, name));
  return [...missing, ...members.flatMap(([name, one]) => misfits(one, object[name], `${at}/${name}`))];
}

interface Question {
  path: string;
  method: string;
  operation: Operation;
  operator: string;
  system: string;
  random: Random;
  known: string[];
}

async function ask(muster: TestApp, { path, method, operation, operator, system, random, known }: Question) {
  const { parameters, requestBody, security, responses } = operation;
  const values = new Map(
    parameters.filter(() => random.int(4) > 0).map((one) => [one, valueFor(one.schema, random, known)]),
  );
  const at = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const parameter = parameters.find((one) => one.in === "path" && one.name === name);
    return (
      encoded(random.int(3) === 0 || !parameter ? random.pick(known) : (values.get(parameter) ?? random.pick(known))) ||
      "-"
    );
  });
  const inQuery = [...values].filter(([one]) => one.in === "query" && random.int(2) === 0);
  const query = inQuery.map(([one, value]) => `${one.name}=${encoded(value)}`).join("&");
  const needed = security.some((one) => "operator" in one) ? operator : system;
  const authorization =
    random.int(10) === 0 ? random.pick(["", "Basic", "Basic !", "Bearer x", operator, system]) : needed;
  const schema = requestBody?.content["application/json"].schema;
  const body =
    method === "get"
      ? undefined
      : schema
        ? JSON.stringify(valueFor(schema, random, known))
        : random.pick(["", "{}", "[]", "{", '{"facts":{}}', "\0"]);
  const contentType = random.pick(["application/json", "text/plain", "application/x-www-form-urlencoded", ""]);
  const response = await muster.app.handle(
    new Request(`http://localhost${at}${query ? `?${query}` : ""}`, {
      method: method.toUpperCase(),
      headers: { ...(authorization ? { authorization } : {}), ...(contentType ? { "content-type": contentType } : {}) },
      ...(body === undefined ? {} : { body }),
    }),
  );
  const text = await response.text();
  const described = `${method} ${at}?${query} ${body?.slice(0, 200)} → ${response.status} ${text.slice(0, 300)}`;
  if (response.status >= 500) throw new Error(described);
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  if (!isJson) return response;
  if (at.includes("/services/mimir/alertmanager/api/v2/")) {
    const isString = typeof JSON.parse(text) === "string";
    expect({ described, isString }).toEqual({ described, isString: response.status >= 400 });
    return response;
  }
  const envelope = JSON.parse(text) as { code: number; message: unknown };
  const declared = responses[String(response.status)];
  if (response.status >= 400)
    expect({ described, form: [envelope.code, typeof envelope.message] }).toEqual({
      described,
      form: [response.status, "string"],
    });
  else if (declared && !path.endsWith("openapi.json"))
    expect({
      described,
      faults: misfits(declared.content["application/json"].schema, envelope),
    }).toEqual({ described, faults: [] });
  return response;
}
