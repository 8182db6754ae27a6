// The nginx example of docs/edge.md, on a real nginx: large bodies pass, Expect is answered, and the client's address arrives.
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openListeningStore } from "../domains/backups/fixture.ts";
import { temporaryDirectory } from "../support/run.ts";
import { ROOT } from "../support/program.ts";

const nginx = Bun.which("nginx", { PATH: `${process.env["PATH"]}:/usr/sbin` });
const openssl = Bun.which("openssl");
if (!(nginx && openssl) && process.env["REQUIRE_SERVICES"])
  throw new Error("nginx or openssl is not installed, and REQUIRE_SERVICES is set.");
if (!(nginx && openssl)) console.warn("Skipped: the nginx example, because nginx or openssl is not installed.");

test.skipIf(!(nginx && openssl))(
  "the example of docs/edge.md lets appliances through, whole and known by their address",
  async () => {
    await using app = await openListeningStore({ TRUSTED_PROXIES: "127.0.0.1" });
    const directory = temporaryDirectory("nginx");
    const certificate = [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "1",
      "-subj",
      "/CN=gateway.example.org",
    ];
    Bun.spawnSync([openssl ?? "", ...certificate, "-keyout", join(directory, "key"), "-out", join(directory, "pem")]);
    const port = freePort();
    const [, example = ""] = /```nginx\n([^]*?)```/.exec(readFileSync(join(ROOT, "docs/edge.md"), "utf8")) ?? [];
    const server = example
      .replace("listen 443 ssl", `listen 127.0.0.1:${port} ssl`)
      .replace("/etc/ssl/gateway.pem", join(directory, "pem"))
      .replace("/etc/ssl/gateway.key", join(directory, "key"))
      .replace("http://127.0.0.1:8081", app.main);
    mkdirSync(join(directory, "tmp"));
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (one) => `${one}_temp_path ${directory}/tmp/${one};`,
    );
    writeFileSync(
      join(directory, "nginx.conf"),
      `daemon off; pid ${directory}/pid; error_log ${directory}/error.log; ${process.getuid?.() === 0 ? "user root;" : ""}
     events {} http { access_log off; ${paths.join(" ")} ${server} }`,
    );
    const running = Bun.spawn([nginx ?? "", "-c", join(directory, "nginx.conf")], {
      stdout: "ignore",
      stderr: "ignore",
    });
    try {
      const { authorization } = await app.addSystem();
      const file = join(directory, "backup");
      writeFileSync(file, new Uint8Array(20_000_000).fill(7));
      const curl = (...args: string[]) =>
        Bun.$`curl -sS -k --retry 20 --retry-connrefused --retry-delay 1 -H ${`Authorization: ${authorization}`} ${args}`.text();
      const url = `https://127.0.0.1:${port}/collect/api/systems`;
      expect(JSON.parse(await curl("-X", "POST", `${url}/heartbeat`)).code).toBe(200);
      const sent = await curl(
        "-v",
        "-H",
        "Expect: 100-continue",
        "-H",
        "X-Forwarded-For: 6.6.6.6",
        "--data-binary",
        `@${file}`,
        `${url}/backups`,
      );
      const { data } = JSON.parse(sent) as { data: { size: number; sha256: string } };
      expect([data.size, data.sha256]).toEqual([20_000_000, Bun.SHA256.hash(readFileSync(file), "hex")]);
      const [row] = await app.database.query<{ ip: string }>("select uploader_ip as ip from backups");
      // curl's forged header stands before what nginx heard, and nginx heard the loopback, which is trusted.
      expect(row?.ip).toBe("6.6.6.6");
    } finally {
      running.kill("SIGQUIT");
      await running.exited;
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000,
);

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
