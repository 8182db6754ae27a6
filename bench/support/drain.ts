// Serves the ceiling of the backup benchmark: a bare Bun.serve that drains a body and hashes it. Ends when its stdin closes.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  maxRequestBodySize: 1024 ** 4,
  async fetch(request) {
    const hasher = new Bun.CryptoHasher("sha256");
    for await (const chunk of request.body ?? []) hasher.update(chunk);
    return Response.json({ sha256: hasher.digest("hex") });
  },
});
console.log(`http://127.0.0.1:${server.port}`);
await Bun.stdin.text();
await server.stop(true);

export {};
