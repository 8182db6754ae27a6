// Listeners that share a port: which of them gets new connections can be said, and no connection is lost when one closes.
import { expect, test } from "bun:test";
import { openConnections, steerConnections } from "../../src/http/listen/sockets.ts";
import { openConnection } from "../support/socket.ts";

test("new connections go where they are steered, also while listeners in front of it close", async () => {
  const listen = (name: string, port: number) =>
    Bun.serve({ hostname: "127.0.0.1", port, reusePort: true, fetch: () => new Response(name) });
  const first = listen("old-1", 0);
  const port = first.port ?? 0;
  const servers = [first, listen("old-2", port), listen("new-1", port), listen("new-2", port)];
  const tally = async () => {
    const names = new Set<string>();
    for (let count = 0; count < 40; count += 1)
      names.add(await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text());
    return [...names].sort();
  };
  try {
    expect(await tally()).toEqual(["new-1", "new-2", "old-1", "old-2"]);
    expect(steerConnections(port, { first: 2, count: 2 })).toBe(true);
    expect(await tally()).toEqual(["new-1", "new-2"]);
    expect(steerConnections(port, { first: 2, count: 1 })).toBe(true);
    expect(await tally()).toEqual(["new-1"]);
    await servers[0]?.stop(true);
    expect(await tally()).toEqual(["new-1"]);
    await servers[1]?.stop(true);
    expect(steerConnections(port, "any")).toBe(true);
    expect(await tally()).toEqual(["new-1", "new-2"]);
  } finally {
    for (const server of servers) await server.stop(true);
  }
  expect(steerConnections(port, "any")).toBe(false);
});

test("open connections of a port are counted", async () => {
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("x") });
  const port = server.port ?? 0;
  expect(openConnections(port)).toBe(0);
  {
    using connection = await openConnection(`http://127.0.0.1:${port}`);
    connection.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await connection.answer();
    expect(openConnections(port)).toBe(1);
  }
  for (let turn = 0; turn < 100 && openConnections(port) > 0; turn += 1) await Bun.sleep(5);
  expect(openConnections(port)).toBe(0);
});
