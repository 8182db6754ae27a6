// Declares one route: its operation in OpenAPI, who may call it, how its query and body are read, and its answer's envelope.
import type { Static, TObject, TSchema } from "@sinclair/typebox";
import type { AnyElysia } from "elysia";
import { Failure } from "../../errors.ts";
import type { Actor } from "../../values/actor.ts";
import { rawResponse } from "../../values/json/raw.ts";
import type { PeerSource } from "../listen/peer.ts";
import type { BodyReader, Sender } from "./body.ts";
import { envelope } from "./envelope.ts";
import { operation } from "./openapi.ts";
import { readQuery, refuseRepeated } from "./query.ts";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A server as routes ask it: who a request is from, and how long its connection may be idle. */
export type RouteServer = (PeerSource & { timeout(request: Request, seconds: number): void }) | null;

/** JSON of a schema, or bytes as they come. */
type Body = TSchema | { maxBytes: number };
type BodyOf<Given> = Given extends TSchema
  ? Static<Given>
  : Given extends { maxBytes: number }
    ? Uint8Array
    : undefined;

type ParamsOf<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Record<Name, string> & ParamsOf<Rest>
  : Path extends `${string}:${infer Name}`
    ? Record<Name, string>
    : unknown;

interface RouteOptions<Query extends TObject, Given extends Body | undefined> {
  /** In the OpenAPI document. */
  summary: string;
  /** Its path before it was renamed, which answers the same until the next major version. */
  formerPath?: string;
  /** The envelope's sentence, also one that depends on what was asked. Left out by handlers that return a Response themselves. */
  says?: string | ((read: Read<Query, Given>) => string);
  query?: Query;
  body?: Given;
  /** What `data` of the envelope holds. */
  data?: TSchema;
  /** Of success; 200 when it is left out. */
  status?: number;
  /** Another service's protocol: answers are `data` itself, and errors JSON strings. */
  isForeign?: boolean;
  /** `data` holds stored JSON text, which goes out unread. */
  isRaw?: boolean;
  /** No proxy shall keep the answer. Operators' routes need not say so. */
  isPrivate?: boolean;
  /** How long the connection may be silent once the caller is known, where that is longer than usual. */
  idleSeconds?: number;
}

export interface Asked<Path extends string> {
  request: Request;
  server: RouteServer;
  params: ParamsOf<Path>;
}

/** Who calls a route that is not the operators'. */
interface CallerOptions<Path extends string, Caller> {
  /** The security scheme of the OpenAPI document, or "none". */
  auth: string;
  /** Tells who calls, or throws what refuses him: credentials and budgets come before anything of the request is read. */
  caller(asked: Asked<Path>): Caller | Promise<Caller>;
  /** Whose budget the body counts on; needed where there is one. */
  sender?(caller: NoInfer<Caller>): Sender;
}

interface Read<Query extends TObject, Given extends Body | undefined> {
  query: Static<Query>;
  body: BodyOf<Given>;
}

/** A route of whoever `caller` lets in. */
export function route<
  Path extends string,
  Caller,
  Query extends TObject = TObject<{}>,
  Given extends Body | undefined = undefined,
>(
  app: AnyElysia,
  method: Method,
  path: Path,
  options: RouteOptions<Query, Given> & CallerOptions<NoInfer<Path>, Caller>,
  handler: (input: Asked<Path> & Read<Query, Given> & { caller: Caller }) => unknown,
): void;
/** An operator's route; it is mounted in the operators' group, which says who acts. */
export function route<
  Path extends string,
  Query extends TObject = TObject<{}>,
  Given extends Body | undefined = undefined,
>(
  app: AnyElysia,
  method: Method,
  path: Path,
  options: RouteOptions<Query, Given>,
  handler: (input: Asked<Path> & Read<Query, Given> & { actor: Actor }) => unknown,
): void;
export function route(
  app: AnyElysia,
  method: Method,
  path: string,
  options: RouteOptions<TObject, Body | undefined> & Partial<CallerOptions<string, unknown>>,
  handler: (input: never) => unknown,
): void {
  const { summary, formerPath, auth, query, body, data, status, isForeign } = options;
  const perform = performer({ ...options, handler: handler as Performed["handler"] });
  const described = {
    summary,
    ...(auth !== undefined && { auth }),
    ...(query && { query }),
    ...(body && !isBytes(body) && { body }),
    ...(data && { data }),
    ...(status !== undefined && { status }),
    ...(isForeign && { isForeign }),
  };
  // Elysia reads in the text of a function what it uses of the context, and prepares nothing else. What comes most often, such
  // as heartbeats, is plain. An async function that returns a promise waits two turns longer than one that awaits it.
  const isPlain = query === undefined && status === undefined && !options.isPrivate;
  const handle = isPlain
    ? async ({ request, server, params, actor, reader }: Context) =>
        await perform({ request, server, params, actor, reader })
    : async ({ request, server, params, query, set, actor, reader }: Context) =>
        await perform({ request, server, params, query, set, actor, reader });
  for (const at of formerPath === undefined ? [path] : [path, formerPath]) {
    const detail = operation(at === path ? described : { ...described, replacedBy: path });
    app.route(method, at, handle as never, { parse: "none", detail });
  }
}

/** What Elysia's context holds, and what the application adds to it. */
interface Context {
  request: Request;
  server: RouteServer;
  params?: Record<string, string>;
  query?: Record<string, unknown>;
  set?: { status?: number; headers: Record<string, string> };
  /** In the operators' group. */
  actor?: Actor;
  reader: BodyReader;
}

type Performed = RouteOptions<TObject, Body | undefined> &
  Partial<CallerOptions<string, unknown>> & { handler(input: Record<string, unknown>): unknown };

/** Who calls, then the query, then the body, then the work. */
function performer(options: Performed): (context: Context) => Promise<unknown> {
  const { says, status, body: wanted, caller: callerOf, sender: senderOf, isRaw, isPrivate, idleSeconds } = options;
  if (callerOf && wanted && !senderOf) throw new Error(`"${options.summary}" must say whose body it reads.`);
  return async ({ request, server, params = {}, query: given = {}, set, actor, reader }) => {
    if (!callerOf && !actor) throw new Error(`"${options.summary}" is not in the operators' group.`);
    const known = callerOf?.({ request, server, params });
    const caller = known instanceof Promise ? await known : known;
    if (idleSeconds !== undefined) server?.timeout(request, idleSeconds);
    if (callerOf) refuseUnreadable(params);
    if (callerOf && options.query) refuseRepeated(request.url);
    const query = options.query && readQuery(options.query, given);
    const body = wanted && (await readBody(reader, request, wanted, senderOf?.(caller) ?? OPERATORS));
    const data = await options.handler({ request, server, params, query, body, caller, actor });
    if (set && isPrivate) set.headers["cache-control"] = "no-store";
    if (data instanceof Response) return data;
    if (says === undefined) throw new Error(`"${options.summary}" has no sentence for its answer.`);
    if (set && status !== undefined) set.status = status;
    const sentence = typeof says === "string" ? says : says({ query, body } as Read<TObject, undefined>);
    return isRaw ? rawResponse(sentence, data) : envelope(sentence, data, status);
  };
}

const OPERATORS: Sender = { verified: "operators" };

const isBytes = (body: Body): body is { maxBytes: number } => "maxBytes" in body;

const readBody = (reader: BodyReader, request: Request, body: Body, sender: Sender): Promise<unknown> =>
  isBytes(body) ? reader.bytes(request, body.maxBytes, sender) : reader.json(request, body, sender);

/** A percent-encoded parameter that is not UTF-8 arrives as null; one with U+0000 would be refused by the database. */
export function refuseUnreadable(params: Record<string, string | null> = {}): void {
  if (Object.values(params).every((value) => value !== null && !value.includes("\0"))) return;
  throw new Failure("http.malformed", 400, "malformed request: a part of the path is not text");
}
