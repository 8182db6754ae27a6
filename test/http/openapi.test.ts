// The OpenAPI document: true to the routes, and sound in itself.
import { expect, test } from "bun:test";
import { openTestApp } from "../support/app.ts";

interface Operation {
  summary: string;
  security: Record<string, string[]>[];
  parameters: { name: string; in: string; required: boolean; schema: { type?: string; anyOf?: unknown[] } }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; content: Record<string, { schema: object }> }>;
}

interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: Record<string, { type: string; scheme: string }> };
}

async function readDocument() {
  await using app = await openTestApp();
  const { status, headers, text } = await app.request("GET", "/api/openapi.json");
  expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
  return JSON.parse(text) as Document;
}

const METHODS = new Set(["get", "put", "post", "delete", "patch", "head", "options"]);

test("has the structure that OpenAPI 3.1 asks for", async () => {
  const { openapi, info, paths, components } = await readDocument();
  expect(openapi).toBe("3.1.0");
  expect(info).toMatchObject({ title: "Muster", version: "0.0.0-test" });
  for (const [path, operations] of Object.entries(paths)) {
    expect(path).toStartWith("/");
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
    for (const [method, operation] of Object.entries(operations)) {
      expect(METHODS.has(method)).toBe(true);
      expect(operation.summary.length).toBeGreaterThan(3);
      const described = operation.parameters.filter((one) => one.in === "path");
      expect(described.map((one) => one.name)).toEqual(inPath);
      expect(described.every((one) => one.required)).toBe(true);
      expect(new Set(operation.parameters.map((one) => `${one.in} ${one.name}`)).size).toBe(
        operation.parameters.length,
      );
      expect(operation.parameters.every((one) => one.schema.type !== undefined || one.schema.anyOf !== undefined)).toBe(
        true,
      );
      for (const scheme of operation.security.flatMap((one) => Object.keys(one)))
        expect(components.securitySchemes).toHaveProperty(scheme);
      const statuses = Object.keys(operation.responses);
      expect(statuses.every((status) => /^(\d{3}|default)$/.test(status))).toBe(true);
      for (const { description, content } of Object.values(operation.responses)) {
        expect(description).not.toBe("");
        expect(Object.values(content).every(({ schema }) => typeof schema === "object")).toBe(true);
      }
    }
  }
}, 60_000);

test("describes every route that the systems' issue names, with who may call it", async () => {
  const { paths } = await readDocument();
  const caller = (path: string, method: string) => Object.keys(paths[path]?.[method]?.security[0] ?? { none: [] })[0];
  for (const prefix of ["/api", "/collect/api", "/backend/api"]) {
    expect(caller(`${prefix}/systems/register`, "post")).toBe("none");
    expect(caller(`${prefix}/systems/heartbeat`, "post")).toBe("system");
    expect(caller(`${prefix}/systems/inventory`, "post")).toBe("system");
    expect(caller(`${prefix}/systems/info`, "get")).toBe("system");
    expect(caller(`${prefix}/systems/unregister`, "post")).toBe("system");
  }
  const admin: [string, string][] = [
    ["get", ""],
    ["post", ""],
    ["get", "/old-secrets"],
    ["get", "/{key}"],
    ["delete", "/{key}"],
    ["post", "/{key}/suspend"],
    ["post", "/{key}/resume"],
    ["post", "/{key}/rotate"],
    ["get", "/{key}/inventory/latest"],
    ["get", "/{key}/inventory/history"],
    ["get", "/{key}/inventory/changes"],
    ["get", "/{key}/inventory/timeline"],
    ["get", "/{key}/inventory/compare"],
  ];
  for (const [method, path] of admin) expect(caller(`/api/admin/systems${path}`, method)).toBe("operator");
  expect(caller("/api/admin/overview", "get")).toBe("operator");
  const register = paths["/api/systems/register"]?.["post"]?.requestBody?.content["application/json"]?.schema;
  expect(register).toMatchObject({ properties: { system_secret: { type: "string", writeOnly: true } } });
}, 60_000);

test("every path it names is a route, and an admin route without a token is refused", async () => {
  await using app = await openTestApp({ AUTH_FAILURES_PER_MINUTE: "1000" });
  const { text } = await app.request("GET", "/api/openapi.json");
  for (const [path, operations] of Object.entries((JSON.parse(text) as Document).paths)) {
    for (const [method, { security }] of Object.entries(operations)) {
      const { status, body } = await app.request(method.toUpperCase(), path.replace(/\{\w+\}/g, "x"));
      expect(`${method} ${path}: ${status} ${body.message}`).not.toContain("404 api not found");
      if (security.length > 0) expect({ method, path, status }).toEqual({ method, path, status: 401 });
    }
  }
}, 60_000);
