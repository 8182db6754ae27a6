// Declared routes: who calls is known before anything is read, and what comes in and goes out is what was declared.
import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { Failure } from "../../src/errors.ts";
import { openBodyReader } from "../../src/http/edge/body.ts";
import { openApiDocument } from "../../src/http/edge/openapi.ts";
import type { DescribedRoute } from "../../src/http/edge/openapi.ts";
import { route } from "../../src/http/edge/route.ts";
import { RawJson } from "../../src/values/json/raw.ts";
import { OWNER } from "../support/actor.ts";
import { testClock } from "../support/clock.ts";

const DOCUMENT = {
  info: { title: "Test", version: "0", description: "" },
  securitySchemes: {},
  defaultScheme: "operator",
};
const Thing = Type.Object({ name: Type.String() });
const Filter = Type.Object({ limit: Type.Integer({ default: 7 }) });

/** Errors are answered with their sentence. */
function serve(declare: (app: Elysia) => void, isGuarded = true) {
  const routes = new Elysia({ prefix: "/things" });
  declare(routes as unknown as Elysia);
  const app = new Elysia()
    .decorate({ reader: openBodyReader({ clock: testClock() }), ...(isGuarded && { actor: OWNER }) })
    .onError(({ error }) => {
      const status = error instanceof Failure ? error.status : 500;
      return new Response(error instanceof Error ? error.message : "", { status });
    })
    .use(routes);
  const ask = async (method: string, path: string, body?: string | ReadableStream<Uint8Array>, headers = {}) => {
    const response = await app.handle(
      new Request(`http://localhost/things${path}`, { method, headers, ...(body === undefined ? {} : { body }) }),
    );
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const document = () => openApiDocument(app.routes as unknown as DescribedRoute[], DOCUMENT);
  return { ask, document };
}

test("an operator's route gets who acts, the query and the body checked, and answers in the envelope", async () => {
  const { ask } = serve((app) => {
    route(
      app,
      "GET",
      "/:id/parts/:part",
      { summary: "Look", query: Filter, says: "looked" },
      ({ actor, params, query }) => ({ by: actor.name, ...params, ...query }),
    );
    route(
      app,
      "POST",
      "/",
      { summary: "Make", body: Thing, status: 201, says: ({ body }) => `made ${body.name}` },
      ({ body }) => body,
    );
  });
  expect(JSON.parse((await ask("GET", "/x/parts/y")).text)).toEqual({
    code: 200,
    message: "looked",
    data: { by: "test", id: "x", part: "y", limit: 7 },
  });
  expect(await ask("GET", "/x/parts/y?limit=none")).toMatchObject({
    status: 400,
    text: expect.stringContaining("limit"),
  });
  const { status, text } = await ask("POST", "/", '{"name":"lamp"}');
  expect([status, JSON.parse(text)]).toEqual([201, { code: 201, message: "made lamp", data: { name: "lamp" } }]);
  expect(await ask("POST", "/", "{}")).toMatchObject({ status: 400, text: expect.stringContaining("name must be") });
});

test("of a caller who is not let in no byte of the body is read", async () => {
  let pulled = false;
  const { ask } = serve((app) =>
    route(
      app,
      "POST",
      "/",
      {
        summary: "Make",
        auth: "system",
        caller(): string {
          throw new Failure("auth.refused", 401, "who are you?");
        },
        sender: (stranger) => ({ stranger }),
        body: { maxBytes: 1024 },
        says: "made",
      },
      () => null,
    ),
  );
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled = true;
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  expect(await ask("POST", "/", body)).toMatchObject({ status: 401, text: "who are you?" });
  expect(pulled).toBe(false);
});

test("a part of the path that is no text is refused once the caller is known, and reaches no handler", async () => {
  const { ask } = serve((app) =>
    route(
      app,
      "GET",
      "/:id",
      {
        summary: "Look",
        auth: "system",
        caller({ request }) {
          if (request.headers.get("authorization") === null) throw new Failure("auth.refused", 401, "who are you?");
          return "somebody";
        },
        says: "looked",
      },
      ({ params }) => params.id.length,
    ),
  );
  const known = { authorization: "x" };
  for (const path of ["/%FF", "/a%00b"]) {
    expect(await ask("GET", path)).toMatchObject({ status: 401 });
    expect(await ask("GET", path, undefined, known)).toMatchObject({
      status: 400,
      text: "malformed request: a part of the path is not text",
    });
  }
  expect(await ask("GET", "/%C3%A4", undefined, known)).toMatchObject({ status: 200 });
});

test("a caller's route gets who calls, and bytes as they came; a private answer asks no proxy to keep it", async () => {
  const { ask } = serve((app) =>
    route(
      app,
      "PUT",
      "/",
      {
        summary: "Put",
        auth: "none",
        caller: ({ request }) => new URL(request.url).host,
        sender: (host) => ({ verified: host }),
        body: { maxBytes: 4 },
        isPrivate: true,
        says: "put",
      },
      ({ caller, body }) => `${caller} ${body.byteLength}`,
    ),
  );
  const { headers, text } = await ask("PUT", "/", "abc");
  expect([headers.get("cache-control"), JSON.parse(text).data]).toEqual(["no-store", "localhost 3"]);
  expect((await ask("PUT", "/", "abcde")).status).toBe(413);
});

test("a handler's own Response and stored JSON go out as they are", async () => {
  const { ask } = serve((app) => {
    route(app, "GET", "/own", { summary: "Own" }, () => new Response("bytes", { status: 206 }));
    route(app, "GET", "/raw", { summary: "Raw", isRaw: true, says: "raw" }, () => new RawJson("1.000"));
  });
  expect(await ask("GET", "/own")).toMatchObject({ status: 206, text: "bytes" });
  expect((await ask("GET", "/raw")).text).toBe('{"code":200,"message":"raw","data":1.000}');
});

test("an operator's route that nobody guards answers nobody", async () => {
  const { ask } = serve((app) => route(app, "GET", "/", { summary: "Look", says: "looked" }, () => "secret"), false);
  const { status, text } = await ask("GET", "/");
  expect([status, text.includes("secret")]).toEqual([500, false]);
});

test("what is declared is what the OpenAPI document says", () => {
  const { document } = serve((app) => {
    route(
      app,
      "POST",
      "/:id",
      { summary: "Make one", body: Thing, data: Thing, status: 201, says: "made" },
      () => null,
    );
    route(
      app,
      "GET",
      "/",
      { summary: "List", auth: "none", caller: () => null, query: Filter, says: "listed" },
      () => [],
    );
  });
  const { paths } = document();
  expect(paths["/things/{id}"]?.["post"]).toMatchObject({
    summary: "Make one",
    security: [{ operator: [] }],
    parameters: [{ name: "id", in: "path" }],
    requestBody: { content: { "application/json": { schema: { properties: { name: { type: "string" } } } } } },
    responses: { 201: expect.anything() },
  });
  expect(paths["/things"]?.["get"]).toMatchObject({ security: [], parameters: [{ name: "limit", in: "query" }] });
});
