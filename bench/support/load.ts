// Generates load on raw keep-alive sockets, so cheaply that the machine is left to the measured side, and equally for both sides.

export interface Load {
  url: string;
  connections: number;
  /** Each connection sends its next request when the last one was answered. */
  next(): Uint8Array | undefined;
  /** Stops sending after this long; without it, when `next` has nothing more. */
  durationMs?: number;
}

export interface LoadResult {
  answered: number;
  seconds: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Answers that are not 200, by status. */
  refused: Record<string, number>;
}

/** A request as bytes, made once and sent often. */
export function encodeRequest(method: string, path: string, headers: Record<string, string>, body: string): Uint8Array {
  const length = Buffer.byteLength(body);
  const lines = Object.entries({ host: "bench", ...headers, "content-length": String(length) });
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`,
  );
}

export async function runLoad({ url, connections, next, durationMs = Infinity }: Load): Promise<LoadResult> {
  const { hostname, port } = new URL(url);
  const tookMs: number[] = [];
  const refused: Record<string, number> = {};
  const startMs = performance.now();
  const endMs = startMs + durationMs;

  const connect = async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let sentMs = 0;
    let received = "";
    let unsent: Uint8Array | undefined;
    const send = (socket: Bun.Socket) => {
      const request = performance.now() < endMs ? next() : undefined;
      if (!request) return void socket.end();
      sentMs = performance.now();
      write(socket, request);
    };
    const write = (socket: Bun.Socket, bytes: Uint8Array) => {
      const written = socket.write(bytes);
      unsent = written < bytes.length ? bytes.subarray(written) : undefined;
    };
    await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: send,
        drain: (socket) => void (unsent && write(socket, unsent)),
        data(socket, chunk) {
          received += chunk.toString("latin1");
          if (!isWhole(received)) return;
          tookMs.push(performance.now() - sentMs);
          const status = received.slice(9, 12);
          if (status !== "200") refused[status] = (refused[status] ?? 0) + 1;
          received = "";
          send(socket);
        },
        close: () => resolve(),
        error: (_, error) => reject(error),
      },
    });
    await promise;
  };

  await Promise.all(Array.from({ length: connections }, connect));
  const seconds = (performance.now() - startMs) / 1000;
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => rounded(tookMs[Math.floor((tookMs.length - 1) * share)] ?? Number.NaN);
  const answered = tookMs.length;
  return { answered, seconds, perSecond: answered / seconds, p50Ms: at(0.5), p99Ms: at(0.99), refused };
}

/** Both servers say the length of every answer. */
function isWhole(received: string): boolean {
  const headEnd = received.indexOf("\r\n\r\n");
  if (headEnd === -1) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(received)?.[1];
  if (length === undefined) throw new Error(`an answer without Content-Length: ${received.slice(0, 200)}`);
  return received.length >= headEnd + 4 + Number(length);
}

export const rounded = (value: number) => Number(value.toPrecision(3));

export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
