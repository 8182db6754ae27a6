// Holds the certificate in force: the files of TLS_* as they were when they last fitted together, read again when they change.
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { Failure, reasonOf } from "../../errors.ts";
import { DAY_MS } from "../../values/time.ts";
import type { Clock } from "../../ports/clock.ts";
import { counted } from "../../values/count.ts";

interface CertificateFiles {
  certFile: string;
  keyFile: string;
  /** Of the authorities whose certificates clients must show. */
  clientCaFile?: string | undefined;
}

export interface Certificate {
  cert: Buffer;
  key: Buffer;
  ca?: Buffer;
  expiresAt: Date;
}

export interface CertificateInForce {
  current(): Certificate;
  /** What will need the operator's hand, in a sentence: files that do not fit together, or a certificate that runs out. */
  warning(): string | undefined;
  /** Calls `onChange` with each new certificate from now on. */
  watch(onChange: (certificate: Certificate) => void): CertificateWatch;
}

export interface CertificateWatch {
  /** Now, instead of at the next look. */
  look(): void;
  end(): void;
}

interface CertificateDeps {
  files: CertificateFiles;
  clock: Clock;
  log: { info(message: string): void; warn(message: string): void };
}

/** Who renews certificates writes two files, one after the other: what does not fit now may fit at the next look. */
const LOOK_MS = 10_000;
/** Renewal is due 30 days before the end with the usual clients; by then it has failed for weeks. */
const RENEWAL_DAYS = 14;

/** Undefined where TLS is somebody else's. */
export function certificateFiles(settings: {
  tlsCertFile: string | undefined;
  tlsKeyFile: string | undefined;
  tlsClientCaFile: string | undefined;
}): CertificateFiles | undefined {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, tlsClientCaFile: clientCaFile } = settings;
  return certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile, clientCaFile };
}

/** Throws a Failure that names the file, when they cannot be used as they are. */
export function openCertificate({ files, clock, log }: CertificateDeps): CertificateInForce {
  let stamp = stampOf(files);
  let current = readCertificate(files);
  let fault: string | undefined;

  const look = (): boolean => {
    const seen = stampOf(files);
    if (seen === stamp) return false;
    try {
      current = readCertificate(files);
    } catch (error) {
      if (reasonOf(error) !== fault) log.warn(`The certificate stays as it was: ${reasonOf(error)}`);
      fault = reasonOf(error);
      return false;
    }
    stamp = seen;
    fault = undefined;
    log.info(`The certificate was read again: ${files.certFile}, until ${dayOf(current.expiresAt)}.`);
    return true;
  };

  return {
    current: () => current,
    warning: () => fault ?? endingSoon(current, clock.now()),
    watch(onChange) {
      let cancel = () => {};
      const lookNow = () => {
        if (look()) onChange(current);
      };
      const again = () => {
        lookNow();
        cancel = clock.after(LOOK_MS, again);
      };
      cancel = clock.after(LOOK_MS, again);
      return { look: lookNow, end: () => cancel() };
    },
  };
}

/** Throws when the files cannot be used; `warning` is a sentence when the certificate ends soon. */
export function examineFiles(
  files: CertificateFiles,
  now: Date,
): { certificate: Certificate; warning: string | undefined } {
  const certificate = readCertificate(files);
  return { certificate, warning: endingSoon(certificate, now) };
}

/** Throws a Failure `tls.files` that names the file at fault. */
function readCertificate({ certFile, keyFile, clientCaFile }: CertificateFiles): Certificate {
  const cert = readPem("TLS_CERT_FILE", certFile);
  const key = readPem("TLS_KEY_FILE", keyFile);
  const ca = clientCaFile === undefined ? undefined : readPem("TLS_CLIENT_CA_FILE", clientCaFile);
  const expiresAt = expiryOf("TLS_CERT_FILE", certFile, cert);
  if (ca && clientCaFile) expiryOf("TLS_CLIENT_CA_FILE", clientCaFile, ca);
  try {
    createSecureContext({ cert, key, ...(ca && { ca }) });
  } catch (error) {
    throw fileFault("TLS_KEY_FILE", keyFile, `does not fit TLS_CERT_FILE: ${reasonOf(error)}`);
  }
  return { cert, key, expiresAt, ...(ca && { ca }) };
}

function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileFault(setting, path, `cannot be read: ${reasonOf(error)}`);
  }
}

function expiryOf(setting: string, path: string, pem: Buffer): Date {
  try {
    return new Date(new X509Certificate(pem).validTo);
  } catch (error) {
    throw fileFault(setting, path, `holds no certificate in PEM: ${reasonOf(error)}`);
  }
}

const fileFault = (setting: string, path: string, fault: string) =>
  new Failure("tls.files", 503, `${setting} names ${JSON.stringify(path)}, which ${fault}.`);

function endingSoon({ expiresAt }: Certificate, now: Date): string | undefined {
  const days = Math.floor((expiresAt.getTime() - now.getTime()) / DAY_MS);
  if (days >= RENEWAL_DAYS) return undefined;
  return days < 0
    ? `The certificate ran out on ${dayOf(expiresAt)}.`
    : `The certificate runs out on ${dayOf(expiresAt)}, in ${counted(days, "day")}.`;
}

const dayOf = (date: Date) => date.toISOString().slice(0, 10);

/** Links are followed: renewal often means that a link leads elsewhere. */
function stampOf({ certFile, keyFile, clientCaFile }: CertificateFiles): string {
  return [certFile, keyFile, clientCaFile ?? ""]
    .map((path) => {
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      return stat ? `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}` : "absent";
    })
    .join("\n");
}
