// TLS in the process: certificates that change, clients that show one, and what is cut in the middle.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { OWNER } from "../support/actor.ts";
import { parseConfig } from "../../src/app/settings.ts";
import { readFileSync } from "node:fs";
import { openListeningStore } from "../domains/backups/fixture.ts";
import { openAuthority, openssl } from "../support/certificates.ts";
import type { Authority } from "../support/certificates.ts";
import { openListeningApp } from "../support/listening.ts";
import { runMuster, startGateway } from "../support/program.ts";
import { createTestDatabase } from "../support/postgres.ts";

if (!openssl && process.env["REQUIRE_SERVICES"])
  throw new Error("openssl is not installed, and REQUIRE_SERVICES is set.");
if (!openssl) console.warn("Skipped: TLS, because openssl is not installed.");

describe.skipIf(!openssl)("TLS", () => {
  let authority: Authority;
  let env: { TLS_CERT_FILE: string; TLS_KEY_FILE: string };
  beforeAll(() => {
    authority = openAuthority();
    const { cert, key } = authority.issue("server", "localhost");
    env = { TLS_CERT_FILE: cert, TLS_KEY_FILE: key };
  }, 60_000);
  afterAll(() => authority[Symbol.dispose](), 60_000);

  const trusting = (client: { cert?: string; key?: string } = {}) => ({
    tls: {
      ca: readFileSync(authority.ca),
      ...(client.cert && client.key && { cert: readFileSync(client.cert), key: readFileSync(client.key) }),
    },
    // Each connection is to be one of its own.
    headers: { connection: "close" },
  });
  const beat = (main: string, authorization: string, client?: { cert: string; key: string }) => {
    const { tls, headers } = trusting(client);
    return fetch(`${main}/collect/api/systems/heartbeat`, {
      method: "POST",
      tls,
      headers: { ...headers, authorization },
    });
  };
  /** The serial number of the certificate that the listener shows, as a handshake sees it. */
  const shownSerial = (main: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const socket = connect(
      { port: Number(new URL(main).port), host: "127.0.0.1", ca: readFileSync(authority.ca) },
      () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      },
    );
    socket.on("error", reject);
    return promise;
  };

  test("an appliance posts over https and is known by its own address", async () => {
    await using app = await openListeningStore(env);
    const { authorization } = await app.addSystem();
    expect(app.main).toStartWith("https://127.0.0.1:");
    expect((await beat(app.main, authorization)).status).toBe(200);
    const body = new Uint8Array(3_000_000).fill(9);
    const { tls, headers } = trusting();
    const url = `${app.main}/api/systems/backups`;
    const sent = await fetch(url, { method: "POST", tls, headers: { ...headers, authorization }, body });
    expect(sent.status).toBe(201);
    const [row] = await app.database.query<{ ip: string; sha256: string }>(
      "select uploader_ip as ip, sha256 from backups",
    );
    expect(row).toEqual({ ip: "127.0.0.1", sha256: Bun.SHA256.hash(body, "hex") });
  }, 60_000);

  test("no suite is spoken that lacks forward secrecy or chains blocks, nor any TLS before 1.2", async () => {
    await using app = await openListeningApp(env);
    const { port } = new URL(app.main);
    const suiteOf = async (...wanted: string[]) => {
      const client = Bun.spawn([openssl ?? "openssl", "s_client", "-connect", `127.0.0.1:${port}`, ...wanted], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
      });
      return /Cipher is (\S+)/.exec(await client.stdout.text())?.[1];
    };
    const tls12 = (ciphers: string) => suiteOf("-tls1_2", "-cipher", `${ciphers}:@SECLEVEL=0`);
    expect(await tls12("ECDHE+AESGCM")).toMatch(/^ECDHE-.*-GCM-/);
    expect(await tls12("ECDHE+CHACHA20")).toMatch(/^ECDHE-.*-CHACHA20-/);
    expect(await suiteOf("-tls1_3")).toStartWith("TLS_");
    for (const ciphers of ["ALL:!AESGCM:!CHACHA20", "kRSA"]) expect(await tls12(ciphers)).toBe("(NONE)");
    for (const version of ["-tls1", "-tls1_1"])
      expect((await suiteOf(version, "-cipher", "ALL:@SECLEVEL=0")) ?? "(NONE)").toBe("(NONE)");
  }, 60_000);

  test("a renewed certificate is shown within ten seconds, and open connections go on", async () => {
    await using app = await openListeningApp(env);
    const { authorization } = await app.addSystem();
    const before = await shownSerial(app.main);
    const kept = connect({
      port: Number(new URL(app.main).port),
      host: "127.0.0.1",
      ca: readFileSync(authority.ca),
    });
    await new Promise((resolve) => kept.once("secureConnect", resolve));
    authority.issue("server", "localhost");
    expect(await shownSerial(app.main)).toBe(before);
    await app.clock.advance(10_000);
    expect(await shownSerial(app.main)).not.toBe(before);
    expect(app.logged.join("\n")).toContain("The certificate was read again");
    const answered = new Promise<string>((resolve) => kept.once("data", (bytes) => resolve(bytes.toString())));
    kept.write("GET /api/health HTTP/1.1\r\nHost: gw\r\n\r\n");
    expect(await answered).toStartWith("HTTP/1.1 200");
    kept.destroy();
    expect((await beat(app.main, authorization)).status).toBe(200);
  }, 60_000);

  test("files that do not fit together change nothing until they do, and /ready says so", async () => {
    await using app = await openListeningApp(env);
    const before = await shownSerial(app.main);
    const other = authority.issue("other", "localhost");
    copyFileSync(other.cert, env.TLS_CERT_FILE);
    await app.clock.advance(10_000);
    expect(await shownSerial(app.main)).toBe(before);
    const ready = await (await fetch(`${app.operations}/ready`)).text();
    expect(ready).toContain("does not fit TLS_CERT_FILE");
    copyFileSync(other.key, env.TLS_KEY_FILE);
    await app.clock.advance(10_000);
    expect(await shownSerial(app.main)).not.toBe(before);
    expect(await (await fetch(`${app.operations}/ready`)).text()).not.toContain("does not fit");
  }, 60_000);

  test("a certificate that runs out soon is said by /ready and by a metric", async () => {
    const { cert, key } = authority.issue("short", "localhost", 3);
    await using database = await createTestDatabase();
    const at = { DATABASE_URL: database.url, DATA_DIR: join(authority.directory, "short-data") };
    await using gateway = await startGateway({ env: { ...at, TLS_CERT_FILE: cert, TLS_KEY_FILE: key } });
    const ask = async (path: string) => (await fetch(`${gateway.operationsUrl}${path}`)).text();
    expect(await ask("/ready")).toMatch(/runs out on \d{4}-\d\d-\d\d, in [23] days/);
    const [, seconds] = /^muster_certificate_expiry_seconds (\d+)/m.exec(await ask("/metrics")) ?? [];
    expect(Math.abs(Number(seconds) * 1000 - Date.now() - 3 * 86_400_000)).toBeLessThan(3_600_000);
  }, 60_000);

  test("plain HTTP on its port gets no answer, and the port behind it refuses strangers", async () => {
    await using app = await openListeningApp(env);
    const { port } = new URL(app.main);
    const refused = await fetch(`http://127.0.0.1:${port}/api/health`).then(
      () => "answered",
      () => "cut",
    );
    expect(refused).toBe("cut");
    const own = Bun.spawnSync(["ss", "-Hltnp"]).stdout.toString();
    const listening = [...own.matchAll(/127\.0\.0\.1:(\d+) .*pid=(\d+)/g)].filter(
      ([, , pid]) => pid === String(process.pid),
    );
    const behind = listening.map(([, one]) => one).filter((one) => one !== port && !app.operations.endsWith(`:${one}`));
    const answers = await Promise.all(
      behind.map(async (one) => (await fetch(`http://127.0.0.1:${one}/api/health`).catch(() => undefined))?.status),
    );
    if (Bun.which("ss")) expect(answers).toContain(403);
    expect(answers).not.toContain(200);
  }, 60_000);

  test("an upload that is cut in the middle leaves nothing", async () => {
    await using app = await openListeningStore(env);
    const { authorization } = await app.addSystem();
    const socket = connect({
      port: Number(new URL(app.main).port),
      host: "127.0.0.1",
      ca: readFileSync(authority.ca),
    });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    socket.write(
      `POST /api/systems/backups HTTP/1.1\r\nHost: gw\r\nAuthorization: ${authorization}\r\nContent-Length: 2000000\r\n\r\n`,
    );
    socket.write(new Uint8Array(500_000));
    await until(() => app.files().length > 0);
    socket.destroy();
    await until(() => app.files().length === 0);
    expect(await app.database.query("select id from backups")).toEqual([]);
  }, 60_000);

  test("a large answer arrives whole, also when the client reads slowly and the gateway stops meanwhile", async () => {
    const app = await openListeningStore(env);
    const { authorization } = await app.addSystem();
    const { tls, headers } = trusting();
    const body = crypto.getRandomValues(new Uint8Array(60_000)).toBase64().repeat(500);
    const url = `${app.main}/api/systems/backups`;
    const sent = await fetch(url, { method: "POST", tls, headers: { ...headers, authorization }, body });
    const { data } = (await sent.json()) as { data: { id: string } };
    const answer = await fetch(`${url}/${data.id}`, { tls, headers: { ...headers, authorization } });
    const stopping = app[Symbol.asyncDispose]();
    const hasher = new Bun.CryptoHasher("sha256");
    let chunks = 0;
    for await (const chunk of answer.body ?? []) {
      hasher.update(chunk);
      if ((chunks += 1) < 20) await Bun.sleep(20);
    }
    expect(hasher.digest("hex")).toBe(Bun.SHA256.hash(body, "hex"));
    await stopping;
  }, 60_000);

  test("stopping lets the request in flight finish", async () => {
    const app = await openListeningStore(env);
    const { authorization } = await app.addSystem();
    const { tls, headers } = trusting();
    const slow = new ReadableStream({
      async pull(controller) {
        controller.enqueue(new Uint8Array(1000));
        await Bun.sleep(300);
        controller.close();
      },
    });
    const sent = fetch(`${app.main}/api/systems/backups`, {
      method: "POST",
      tls,
      headers: { ...headers, authorization },
      body: slow,
    });
    await until(() => app.files().length > 0);
    const [answer] = await Promise.all([sent, app[Symbol.asyncDispose]()]);
    expect(answer.status).toBe(201);
  }, 60_000);

  describe("client certificates", () => {
    test("open for the system whose key they bear, and for no other, at registration too", async () => {
      await using app = await openListeningApp({ ...env, TLS_CLIENT_CA_FILE: authority.ca });
      const [mine, other] = [await app.addSystem("mine"), await app.addSystem("other")];
      const own = authority.issue("own", mine.system_key);
      const statuses = [];
      // Twice: the second time the credential is remembered.
      for (const one of [mine, mine, other, other, mine])
        statuses.push((await beat(app.main, one.authorization, own)).status);
      expect(statuses).toEqual([200, 200, 403, 403, 200]);
      const refused = await beat(app.main, other.authorization, own);
      expect(await refused.json()).toMatchObject({ message: "the client certificate is not this system's" });

      const fresh = await app.addSystem("fresh", { registered: false });
      const register = (client: { cert: string; key: string }) =>
        fetch(`${app.main}/backend/api/systems/register`, {
          method: "POST",
          ...trusting(client),
          body: JSON.stringify({ system_secret: fresh.system_secret }),
        });
      expect((await register(own)).status).toBe(403);
      expect((await register(authority.issue("fresh", fresh.system_key))).status).toBe(200);
    }, 60_000);

    test("are demanded of everybody, and only those of the authority count", async () => {
      await using app = await openListeningApp({ ...env, TLS_CLIENT_CA_FILE: authority.ca });
      const { authorization, system_key } = await app.addSystem();
      using stranger = openAuthority();
      const attempts = [undefined, stranger.issue("forged", system_key)];
      for (const client of attempts) {
        const outcome = await beat(app.main, authorization, client).then(
          ({ status }) => status,
          () => "no handshake",
        );
        expect(outcome).toBe("no handshake");
      }
      const operator = authority.issue("operator", "Ada");
      const { token } = await app.app.api.operators.addToken(OWNER, "ada");
      const { tls } = trusting(operator);
      const listed = await fetch(`${app.main}/api/admin/systems`, {
        tls,
        headers: { authorization: `Bearer ${token}` },
      });
      expect(listed.status).toBe(200);
    }, 60_000);
  });

  test("settings that make no sense, and files that cannot be used, stop the start in words", async () => {
    expect(() => parseConfig({ TLS_CERT_FILE: "/x.pem" })).toThrow("TLS_KEY_FILE must be set too");
    expect(() => parseConfig({ TLS_CLIENT_CA_FILE: "/x.pem" })).toThrow("TLS_CERT_FILE and TLS_KEY_FILE must be set");
    const garbage = join(authority.directory, "garbage");
    writeFileSync(garbage, "no PEM\n");
    const other = authority.issue("third", "localhost");
    const DATA_DIR = join(authority.directory, "never");
    for (const [bad, sentence] of [
      [{ TLS_KEY_FILE: other.key }, "does not fit TLS_CERT_FILE"],
      [{ TLS_CERT_FILE: garbage }, "holds no certificate in PEM"],
      [{ TLS_CERT_FILE: "/nonexistent" }, "cannot be read"],
      [{ TLS_CLIENT_CA_FILE: garbage }, "TLS_CLIENT_CA_FILE names"],
    ] as const) {
      const { code, stderr } = await runMuster(["serve"], { env: { ...env, DATA_DIR, ...bad } });
      expect([code, stderr]).toEqual([1, expect.stringContaining(sentence)]);
    }
  }, 60_000);

  test("doctor looks at the files", async () => {
    await using database = await createTestDatabase();
    const { cert, key } = authority.issue("ending", "localhost", 2);
    const look = async (files: Record<string, string>) =>
      (await runMuster(["doctor"], { env: { DATABASE_URL: database.url, DATA_DIR: authority.directory, ...files } }))
        .stdout;
    expect(await look({ TLS_CERT_FILE: cert, TLS_KEY_FILE: key })).toMatch(
      /warning certificate +The certificate runs out/,
    );
    expect(await look({ TLS_CERT_FILE: cert, TLS_KEY_FILE: "/nonexistent" })).toMatch(/FAILED +certificate/);
  }, 60_000);
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await Bun.sleep(20);
}
