// Names, keys, types and first bytes of backups, as tables.
import { describe, expect, test } from "bun:test";
import { encryptionOf } from "../../../src/domains/backups/upload/encryption.ts";
import { extensionOf, filenameOf, mediaTypeOf, objectKey, readId } from "../../../src/domains/backups/names.ts";
import { checkKey } from "../../../src/ports/objects.ts";

describe("file names", () => {
  test.each([
    [null, "backup-abc", ".bin"],
    ["", "backup-abc", ".bin"],
    ["   ", "backup-abc", ".bin"],
    ["../../etc/passwd", "passwd", ".bin"],
    ["..", "backup-abc", ".bin"],
    ["../..", "backup-abc", ".bin"],
    ["a/", "backup-abc", ".bin"],
    ["C:\\evil\\dump.gpg", "dump.gpg", ".gpg"],
    ["backup.GPG", "backup.GPG", ".gpg"],
    ["backup.rar", "backup.rar", ".bin"],
    ["backup.sh", "backup.sh", ".bin"],
    ["backup", "backup", ".bin"],
    ["backup.", "backup.", ".bin"],
    ["x.tar.gz", "x.tar.gz", ".tar.gz"],
    ["x.TAR.XZ", "x.TAR.XZ", ".tar.xz"],
    ["x.tar.bz2", "x.tar.bz2", ".tar.bz2"],
    ["x.tar.zst", "x.tar.zst", ".tar.zst"],
    ["x.tar.gz.gpg", "x.tar.gz.gpg", ".gpg"],
    ["foo\r\nSet-Cookie: x=1.gpg", "foo__Set-Cookie__x_1.gpg", ".gpg"],
    ["my backup [2026].gpg", "my_backup__2026_.gpg", ".gpg"],
    ["città è 💾.gpg", "citt_____.gpg", ".gpg"],
    ['a"; filename="b.gpg', "a___filename__b.gpg", ".gpg"],
    ["nul\0byte.gpg", "nul_byte.gpg", ".gpg"],
    [".bash_profile", "bash_profile", ".bin"],
    ["/root/.ssh/authorized_keys", "authorized_keys", ".bin"],
    ["...-.-x.gpg", "x.gpg", ".gpg"],
    ["--output=x.gpg", "output_x.gpg", ".gpg"],
    ["-", "backup-abc", ".bin"],
    ["-.-.", "backup-abc", ".bin"],
    [" .gpg", "gpg", ".gpg"],
    ["\u001b[2J.profile", "__2J.profile", ".bin"],
  ])("%j is kept as %s with the extension %s", (sent, filename, extension) => {
    expect(filenameOf(sent, "abc")).toBe(filename);
    expect(extensionOf(sent ?? "")).toBe(extension);
  });

  test("a name too long loses its middle, not what tells its type", () => {
    expect(filenameOf("x".repeat(300), "abc")).toBe("x".repeat(255));
    const long = filenameOf(`${"x".repeat(10_000)}.tar.gz.gpg`, "abc");
    expect(long).toHaveLength(255);
    expect(long).toEndWith("x.tar.gz.gpg");
  });
});

test.each([
  [null, "application/octet-stream"],
  ["application/octet-stream", "application/octet-stream"],
  ["Application/PGP-Encrypted; charset=x", "application/pgp-encrypted"],
  ["application/x-www-form-urlencoded", "application/octet-stream"],
  ["text/html", "application/octet-stream"],
  ["application/x\u0001y", "application/octet-stream"],
])("the type %j is kept as %s", (sent, kept) => expect(mediaTypeOf(sent)).toBe(kept));

describe("ids", () => {
  const uuid = "01a1fb40-f698-7ff7-831b-603d9d29ff42";
  test.each([
    [uuid, undefined],
    [`${uuid}.gpg`, ".gpg"],
    [`${uuid}.tar.gz`, ".tar.gz"],
    [`${uuid}.bin`, ".bin"],
    [`${uuid.toUpperCase()}.GPG`, ".gpg"],
  ])("%s is one", (text, extension) => expect(readId(text)).toEqual({ uuid, extension }));

  test.each([
    "",
    "x",
    "../../etc/passwd",
    "..%2Fetc",
    `${uuid}/x`,
    `../${uuid}`,
    `${uuid}.sh`,
    `${uuid}.gpg `,
    `${uuid}.gpg\n`,
    `${uuid}.gpg.gpg`,
    `${uuid}\0`,
    uuid.replace("-7", "-4"),
    uuid.replace("831b", "031b"),
    undefined,
  ])("%j is none", (text) => expect(() => readId(text)).toThrow("invalid backup id"));
});

describe("keys", () => {
  const key = (organization: string, system = "NOC-1") => objectKey(organization, system, "01a1", ".gpg");

  test("say organisation, system and backup as they are", () => {
    expect(key("acme_1-x.y")).toBe("acme_1-x.y/NOC-1/01a1.gpg");
  });

  test("hold any organisation without ever leaving their place, and no two alike", () => {
    const long = "è".repeat(255);
    const organizations = [
      "a/b",
      "a=2fb",
      "..",
      ".",
      ".x",
      "",
      " ",
      "a b",
      "a\0b",
      "città",
      "💾",
      "%2e",
      "a\\b",
      "A",
      "a",
      long,
      `${long}x`,
    ];
    const keys = organizations.map((one) => checkKey(key(one)));
    expect(new Set(keys).size).toBe(organizations.length);
    for (const one of keys) {
      expect(one.split("/")).toHaveLength(3);
      expect(one).not.toContain("..");
      expect(one.length).toBeLessThan(300);
    }
  });
});

describe("the first bytes say whether a backup is encrypted", () => {
  test.each([
    ["8c0d0409030285", "encrypted"],
    ["c30d04", "encrypted"],
    ["85010c03", "encrypted"],
    [Buffer.from("-----BEGIN PGP MESSAGE-----\n").toString("hex"), "encrypted"],
    [Buffer.from("age-encryption.org/v1\n").toString("hex"), "encrypted"],
    [Buffer.from("Salted__12345678").toString("hex"), "encrypted"],
    ["1f8b0800", "plain"],
    ["fd377a585a0000", "plain"],
    ["425a6839", "plain"],
    ["28b52ffd04", "plain"],
    [Buffer.from('{"a":1}').toString("hex"), "plain"],
    [Buffer.concat([Buffer.alloc(257, "x"), Buffer.from("ustar\0")]).toString("hex"), "plain"],
    [Buffer.from("hello").toString("hex"), "unknown"],
    ["8c", "unknown"],
    ["", "unknown"],
  ] as const)("%s is %s", (hex, wanted) => expect(encryptionOf(Buffer.from(hex, "hex"))).toBe(wanted));
});
