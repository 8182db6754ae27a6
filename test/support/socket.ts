// Bytes over a real socket: what no HTTP client of ours would send, and what it would hide of the answer.
import { connect } from "node:net";
import type { Socket } from "node:net";

export interface RawAnswer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: string;
}

export interface RawConnection extends Disposable {
  write(bytes: string | Uint8Array): void;
  /** The next whole answer; rejects when the connection ends before there is one. */
  answer(): Promise<RawAnswer>;
  /** Resolves with what was left unread when the other side has closed. */
  closed: Promise<string>;
}

export async function openConnection(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return overSocket(socket);
}

/** Sends the bytes and waits for the first answer to them. */
export async function exchange(url: string, bytes: string | Uint8Array): Promise<RawAnswer> {
  using connection = await openConnection(url);
  connection.write(bytes);
  return await connection.answer();
}

function overSocket(socket: Socket): RawConnection {
  let received = Buffer.alloc(0);
  let notify = () => {};
  let isClosed = false;
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, Buffer.from(chunk)]);
    notify();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
    resolve(received.toString());
    notify();
  });
  return {
    write: (bytes) => void socket.write(bytes),
    closed,
    async answer() {
      for (;;) {
        const parsed = parseAnswer(received);
        if (parsed) {
          received = received.subarray(parsed.length);
          return parsed.answer;
        }
        if (isClosed) throw new Error(`the connection ended with ${JSON.stringify(received.toString().slice(0, 200))}`);
        await new Promise<void>((resume) => (notify = resume));
      }
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Enough of HTTP/1.1 for our own answers: they have a Content-Length, except those that close. */
function parseAnswer(received: Buffer): { answer: RawAnswer; length: number } | undefined {
  const head = received.indexOf("\r\n\r\n");
  if (head === -1) return undefined;
  const [statusLine = "", ...lines] = received.subarray(0, head).toString().split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const length = head + 4 + Number(headers["content-length"] ?? 0);
  if (received.length < length) return undefined;
  const body = received.subarray(head + 4, length).toString();
  return { answer: { status: Number(statusLine.split(" ")[1]), headers, body }, length };
}
