// Replaces Alertmanager, so that only the gateway is measured: accepts everything and stores nothing.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  async fetch(request) {
    await request.arrayBuffer();
    return new Response(null, { status: 200 });
  },
});
console.log(`http://127.0.0.1:${server.port}`);
await Bun.stdin.text();
await server.stop(true);

export {};
