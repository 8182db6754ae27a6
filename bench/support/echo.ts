// Serves the ceiling of the heartbeat benchmark: a bare Bun.serve that echoes JSON. Prints its URL; ends when its stdin closes.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  fetch: async (request) => Response.json(await request.json()),
});
console.log(`http://127.0.0.1:${server.port}`);
await Bun.stdin.text();
await server.stop(true);

export {};
