// Names of backups: the one a person sees, the id an appliance keeps, the key the object has.
import { Failure } from "../../errors.ts";

const MAX_FILENAME = 255;
const COMPOUND = [".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst"];
const SIMPLE = [".gpg", ".bin"];

/** Extension of the name as sent: `.gpg` tells appliances that a passphrase is needed. */
export function extensionOf(name: string): string {
  const lower = name.trim().toLowerCase();
  return [...COMPOUND, ...SIMPLE].find((extension) => lower.endsWith(extension)) ?? ".bin";
}

/**
 * Cleans a sent name: removes paths, control characters, characters that need quoting, and leading dots and hyphens, which would
 * hide the file or make it an option. A cleaned name stays the same when cleaned again.
 */
export function filenameOf(name: string | null, id: string): string {
  const last = (name ?? "").trim().split(/[/\\]/).at(-1) ?? "";
  const quiet = Array.from(last, (character) => (/[A-Za-z0-9._-]/.test(character) ? character : "_")).join("");
  const plain = quiet.replace(/^[.-]+/, "");
  if (plain === "") return `backup-${id}`;
  if (plain.length <= MAX_FILENAME) return plain;
  const end = /(\.[A-Za-z0-9]{1,8}){1,3}$/.exec(plain)?.[0] ?? "";
  return plain.slice(0, MAX_FILENAME - end.length) + end;
}

/** Shown to people as a type of file; appliances know those below application/ only. */
export function mediaTypeOf(header: string | null): string {
  const type = header?.split(";")[0]?.trim().toLowerCase() ?? "";
  return /^application\/(?!x-www-form-urlencoded)[a-z0-9][a-z0-9.+-]{0,99}$/.test(type)
    ? type
    : "application/octet-stream";
}

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const EXTENSION = "\\.tar\\.(?:gz|xz|bz2|zst)|\\.gpg|\\.bin";
const ID = new RegExp(`^(${UUID})(${EXTENSION})?$`);

export interface BackupId {
  uuid: string;
  /** Undefined for the bare uuid, which identifies the backup as well. */
  extension: string | undefined;
}

/** Throws a Failure 400 for a text that cannot be a backup's id. */
export function readId(text: string | undefined | null): BackupId {
  const [, uuid, extension] = ID.exec((text ?? "").toLowerCase()) ?? [];
  if (uuid === undefined) throw new Failure("backup.id", 400, "invalid backup id");
  return { uuid, extension };
}

/** `{organization}/{system key}/{uuid}{extension}`: operators who browse the store recognize each system. */
export function objectKey(organizationId: string, systemKey: string, uuid: string, extension: string): string {
  return `${segment(organizationId)}/${segment(systemKey)}/${uuid}${extension}`;
}

const MAX_SEGMENT = 120;

/**
 * Keeps letters, digits, dots, hyphens and underscores, writes every other byte as =hh, so that different texts stay different.
 * Texts too long for a file name keep their beginning and get their hash.
 */
function segment(text: string): string {
  const escaped = Array.from(Buffer.from(text, "utf8"), (byte, index) => {
    const character = String.fromCharCode(byte);
    const plain = /[A-Za-z0-9_-]/.test(character) || (character === "." && index > 0);
    return plain ? character : `=${byte.toString(16).padStart(2, "0")}`;
  }).join("");
  if (escaped.length > 0 && escaped.length <= MAX_SEGMENT) return escaped;
  return `${escaped.slice(0, 40).replace(/=.?$/, "")}==${Bun.SHA256.hash(text, "hex")}`;
}
