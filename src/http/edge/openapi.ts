// Makes the OpenAPI 3.1 document from the routes themselves: what a route declares is what the document says.
import type { TObject, TSchema } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";

interface OperationOptions {
  summary: string;
  /** Who may call: the name of a security scheme, "none" for anyone; left out: the document's default. */
  auth?: string;
  query?: TObject;
  /** The JSON body; bodies of other kinds are described in words in `summary`. */
  body?: TSchema;
  /** What `data` of the envelope holds. */
  data?: TSchema;
  status?: number;
  /** Answers are `data` itself, and errors JSON strings: another service's protocol, without our envelope. */
  isForeign?: boolean;
  /** The path that replaces this one, which is deprecated then. */
  replacedBy?: string;
}

/** Elysia's `detail` of a route, holding what the document needs. */
export const operation = (options: OperationOptions) => ({ summary: options.summary, "x-muster": options });

export interface DescribedRoute {
  method: string;
  path: string;
  hooks: { detail?: { "x-muster"?: OperationOptions } };
}

export interface DocumentOptions {
  info: { title: string; version: string; description: string };
  /** By name. */
  securitySchemes: Record<string, { type: string; scheme: string; description: string }>;
  /** Of routes that name none. */
  defaultScheme: string;
}

/** The document of every route that was described. JSON, ready to serve. */
export function openApiDocument(routes: readonly DescribedRoute[], document: DocumentOptions) {
  const { info, securitySchemes, defaultScheme } = document;
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, hooks } of routes) {
    const options = hooks.detail?.["x-muster"];
    if (!options) continue;
    const at = path.replace(/:(\w+)/g, "{$1}").replace(/(.)\/$/, "$1");
    paths[at] = { ...paths[at], [method.toLowerCase()]: describe(at, options, defaultScheme) };
  }
  return {
    openapi: "3.1.0",
    info,
    paths,
    components: { securitySchemes },
  };
}

function describe(
  path: string,
  { summary, auth, query, body, data = Type.Unknown(), status = 200, isForeign = false, replacedBy }: OperationOptions,
  defaultScheme: string,
) {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema,
  }));
  return {
    summary,
    ...(replacedBy !== undefined && {
      deprecated: true,
      description: `The former path of …${replacedBy}. The next major version removes it.`,
    }),
    security: auth === "none" ? [] : [{ [auth ?? defaultScheme]: [] }],
    parameters: [...inPath, ...inQuery],
    ...(body ? { requestBody: { required: true, content: { "application/json": { schema: body } } } } : {}),
    responses: {
      [status]: isForeign ? jsonContent("Success", data) : jsonAnswer("Success", data),
      default: isForeign
        ? jsonContent("Failure: the reason", Type.String())
        : jsonAnswer("Failure: the status is repeated in `code`, the reason in `message`", Type.Unknown()),
    },
  };
}

function jsonAnswer(description: string, data: TSchema) {
  const schema = Type.Object({ code: Type.Integer(), message: Type.String(), data });
  return jsonContent(description, schema);
}

const jsonContent = (description: string, schema: TSchema) => ({
  description,
  content: { "application/json": { schema } },
});
