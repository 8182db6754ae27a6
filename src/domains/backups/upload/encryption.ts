// Tells from its first bytes whether a backup is encrypted.
import type { Encryption } from "../schema.ts";

/** Enough for every signature below; `ustar` is at offset 257. */
export const FIRST_BYTES = 264;

const ENCRYPTED_TEXT = [
  "-----BEGIN PGP MESSAGE-----",
  "age-encryption.org/v1",
  "-----BEGIN AGE ENCRYPTED FILE-----",
  "Salted__",
];
/** gzip, xz, bzip2, zstd, zip, SQLite, JSON, 7z. */
const PLAIN = ["1f8b", "fd377a585a00", "425a68", "28b52ffd", "504b0304", "53514c697465", "7b", "5b", "377abcaf271c"];
/** OpenPGP packets that begin an encrypted message: 1 (to a key), 3 (to a passphrase), 9, 18 and 20 (the data itself). */
const PGP_TAGS = new Set([1, 3, 9, 18, 20]);

export function encryptionOf(first: Uint8Array): Encryption {
  const text = Buffer.from(first).toString("latin1");
  if (ENCRYPTED_TEXT.some((beginning) => text.startsWith(beginning))) return "encrypted";
  const hex = Buffer.from(first.subarray(0, 8)).toString("hex");
  if (PLAIN.some((beginning) => hex.startsWith(beginning)) || text.slice(257, 262) === "ustar") return "plain";
  return PGP_TAGS.has(pgpTag(first[0] ?? 0)) && first.byteLength > 2 ? "encrypted" : "unknown";
}

/** Bit 7 is always set; bit 6 tells the new format, whose tag is six bits, from the old one with four. */
function pgpTag(byte: number): number {
  if ((byte & 0x80) === 0) return 0;
  return byte & 0x40 ? byte & 0x3f : (byte >> 2) & 0x0f;
}
