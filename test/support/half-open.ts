// A way to a unix socket that can go half open: connections stay, new ones are taken, and nothing comes through any more.
import { rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";

export interface HalfOpenWay {
  /** Swallows what is sent and answers nothing, on old connections and new ones. */
  swallow(): void;
  /** New connections reach the server again; those of before stay as dead as they were. */
  heal(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Listens at `path` for what `target` serves. */
export async function openHalfOpenWay(path: string, target: string): Promise<HalfOpenWay> {
  let swallowing = false;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    if (swallowing) return void client.resume();
    const upstream = connect(target);
    keep(upstream);
    let dead = false;
    const carry = (from: Socket, to: Socket) => {
      from.on("data", (bytes) => {
        dead ||= swallowing;
        if (!dead) to.write(bytes);
      });
      from.on("close", () => {
        dead ||= swallowing;
        if (!dead) to.destroy();
      });
    };
    carry(client, upstream);
    carry(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    swallow: () => void (swallowing = true),
    heal: () => void (swallowing = false),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}
