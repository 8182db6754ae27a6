// An authority of the tests' own and certificates of it, made by openssl.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./run.ts";

export const openssl = Bun.which("openssl");

export interface Authority extends Disposable {
  /** Its own certificate. */
  ca: string;
  directory: string;
  /** Makes NAME.pem and NAME.key for a common name; an existing NAME is replaced. */
  issue(name: string, commonName: string, days?: number): { cert: string; key: string };
}

export function openAuthority(): Authority {
  const directory = temporaryDirectory("certificates");
  mkdirSync(directory, { recursive: true });
  const at = (name: string) => join(directory, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  run(
    "req",
    "-x509",
    ...newKey,
    "-days",
    "30",
    "-subj",
    "/CN=authority",
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.pem"),
  );
  return {
    ca: at("ca.pem"),
    directory,
    issue(name, commonName, days = 90) {
      const [cert, key, request] = [at(`${name}.pem`), at(`${name}.key`), at(`${name}.csr`)];
      const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
      run("req", ...newKey, "-subj", `/CN=${commonName}`, "-addext", names, "-keyout", key, "-out", request);
      const signed = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-copy_extensions", "copy", "-days", String(days)];
      run("x509", "-req", "-in", request, ...signed, "-out", cert);
      return { cert, key };
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function run(...args: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([openssl ?? "openssl", ...args]);
  if (exitCode !== 0) throw new Error(`openssl ${args[0]}: ${stderr.toString()}`);
}
