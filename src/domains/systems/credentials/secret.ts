// Makes, splits and compares keys and secrets of systems, in the format of the service that Muster replaces.
import { createHash, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";

interface NewSecret {
  /** `my_<20 hex>.<40 hex>`, shown once. */
  token: string;
  public: string;
  /** `hexsalt:hex(sha256(salt || secret))`. */
  sha256: string;
}

interface SecretParts {
  public: string;
  secret: string;
}

/** Length of the part after the dot, at least: what the replaced service accepts too. */
const MIN_SECRET_LENGTH = 32;

/** `NOC-` and a version 4 UUID as eight groups of four upper-case hex digits: safe in URLs, shell words and JSON. */
export function createSystemKey(prefix: string): string {
  const hex = randomUUID().replaceAll("-", "").toUpperCase();
  return [prefix, ...(hex.match(/.{4}/g) ?? [])].join("-");
}

export function createSecret(): NewSecret {
  const publicPart = randomBytes(10).toString("hex");
  const secret = randomBytes(20).toString("hex");
  return { token: `my_${publicPart}.${secret}`, public: publicPart, sha256: hashSecret(secret) };
}

export function hashSecret(secret: string, salt: Buffer = randomBytes(16)): string {
  return `${salt.toString("hex")}:${createHash("sha256").update(salt).update(secret).digest("hex")}`;
}

/** The two halves of a token, or undefined when it has another shape. Any stored secret of the shape may follow, hex or not. */
export function parseSecret(token: string): SecretParts | undefined {
  const [head = "", secret = "", ...rest] = token.split(".");
  const publicPart = head.slice(3);
  const isShaped =
    head.startsWith("my_") && publicPart !== "" && secret.length >= MIN_SECRET_LENGTH && rest.length === 0;
  return isShaped && token.length <= 256 ? { public: publicPart, secret } : undefined;
}

/** Verifies nothing, at the cost of one that does: for whom no secret was found. */
export const NO_SECRET = `${"00".repeat(16)}:${"00".repeat(32)}`;

/** Constant time in the secret. A stored value of another form verifies nothing. */
export function verifySecret(secret: string, stored: string): boolean {
  const [salt = "", digest = ""] = stored.split(":");
  const expected = Buffer.from(digest, "hex");
  const actual = createHash("sha256").update(Buffer.from(salt, "hex")).update(secret).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
