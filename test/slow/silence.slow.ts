// Waits for what a connection that says nothing ends by.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { openAuthority, openssl } from "../support/certificates.ts";
import { openListeningApp } from "../support/listening.ts";

if (!openssl && process.env["REQUIRE_SERVICES"])
  throw new Error("openssl is not installed, and REQUIRE_SERVICES is set.");

test.skipIf(!openssl)(
  "who connects to TLS and says nothing is let go, and others are served meanwhile",
  async () => {
    using authority = openAuthority();
    const { cert, key } = authority.issue("server", "localhost");
    await using app = await openListeningApp({ TLS_CERT_FILE: cert, TLS_KEY_FILE: key });
    const silent = connect(Number(new URL(app.main).port), "127.0.0.1");
    silent.on("error", () => {});
    const closed = new Promise((resolve) => silent.once("close", resolve));
    await new Promise((resolve) => silent.once("connect", resolve));
    const answer = await fetch(`${app.main}/api/health`, {
      tls: { ca: readFileSync(authority.ca) },
      headers: { connection: "close" },
    });
    expect(answer.status).toBe(200);
    await closed;
  },
  180_000,
);
