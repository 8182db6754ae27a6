// An S3 that takes everything and keeps nothing but lengths, and that fails in the way it is told to.
export type Fault = "none" | "500" | "503" | "hang" | "close" | "refuse-second" | "slow";

export interface FaultyS3 extends Disposable {
  endpoint: string;
  /** What it does from now on. */
  fault: Fault;
  /** Requests so far, as "METHOD key". */
  requests: string[];
  /** Objects it holds, by key, with their sizes. */
  objects: Map<string, number>;
}

const SLOW_BYTES_PER_SECOND = 20e6;

export function openFaultyS3(): FaultyS3 {
  const objects = new Map<string, number>();
  const requests: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 255,
    maxRequestBodySize: 1024 ** 4,
    fetch: (request) => answer(request),
  });
  const sink: FaultyS3 = {
    endpoint: `http://127.0.0.1:${server.port}`,
    fault: "none",
    requests,
    objects,
    [Symbol.dispose]: () => void server.stop(true),
  };
  return sink;

  async function answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const key = pathname.split("/").slice(2).join("/");
    requests.push(`${request.method} ${key}${search.split("=")[0]}`);
    if (request.method === "GET" && search.includes("versioning")) return xml("<VersioningConfiguration/>");
    if (request.method === "GET" && search.includes("object-lock"))
      return new Response("<Error><Code>ObjectLockConfigurationNotFoundError</Code></Error>", { status: 404 });
    const isCopy = request.headers.has("x-amz-copy-source");
    if (request.method === "PUT" && sink.fault === "refuse-second" && isCopy) return failed(403, "AccessDenied");
    if (sink.fault === "500") return failed(500, "InternalError");
    if (sink.fault === "503") return failed(503, "SlowDown");
    if (sink.fault === "hang") return new Promise<Response>(() => {});
    if (request.method === "PUT" && isCopy) return xml("<CopyObjectResult><ETag>x</ETag></CopyObjectResult>");
    if (request.method === "PUT") return put(request, key);
    if (request.method === "DELETE") {
      objects.delete(key);
      return new Response(null, { status: 204 });
    }
    const size = objects.get(key);
    if (size === undefined) return failed(404, "NoSuchKey");
    if (sink.fault === "close") return new Response(cutBody(size), { headers: { etag: '"x"' } });
    return new Response(new Uint8Array(size), { headers: { etag: '"x"' } });
  }

  async function put(request: Request, key: string): Promise<Response> {
    let size = 0;
    const startedMs = performance.now();
    for await (const chunk of request.body ?? []) {
      size += chunk.byteLength;
      if (sink.fault === "close") {
        setTimeout(() => void server.stop(true), 0);
        return new Promise<Response>(() => {});
      }
      if (sink.fault === "slow") {
        const aheadMs = (size / SLOW_BYTES_PER_SECOND) * 1000 - (performance.now() - startedMs);
        if (aheadMs > 1) await Bun.sleep(aheadMs);
      }
    }
    objects.set(key, size);
    return new Response(null, { headers: { etag: '"x"' } });
  }
}

/** Ends half-way. */
function cutBody(size: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(Math.floor(size / 2)));
      controller.close();
    },
  });
}

const xml = (body: string) => new Response(body, { headers: { "content-type": "application/xml" } });
const failed = (status: number, code: string) =>
  new Response(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>told to</Message></Error>`, {
    status,
    headers: { "content-type": "application/xml" },
  });
