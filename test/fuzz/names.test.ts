// Cursors, queries, backup names and paths: what we made is read back, and whatever else comes is refused in words.
import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import fc from "fast-check";
import { filenameOf, objectKey, readId } from "../../src/domains/backups/names.ts";
import { parseQuery } from "../../src/domains/search/language/query.ts";
import { formatFieldPath, formatPointer, parseFieldPath, parsePointer } from "../../src/values/json/pointer.ts";
import { decodeCursor, encodeCursor } from "../../src/http/edge/cursor.ts";
import { readQuery } from "../../src/http/edge/query.ts";
import { FUZZ_MS, anyText, forAll, parsedOr } from "../support/fuzz.ts";

const wellFormed = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));

test(
  "a cursor is read back as it was given out",
  () =>
    forAll(fc.tuple(wellFormed, fc.uuid()), ([name, id]) => {
      expect(decodeCursor(encodeCursor(name, id), ["text", "uuid"])).toEqual([name, id]);
    }),
  FUZZ_MS,
);

test(
  "a cursor of another making is refused with 400, or holds nothing that SQL would stumble over",
  () =>
    forAll(
      fc.oneof(
        anyText("W10", "eyJ9", "="),
        fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString("base64url")),
        fc.array(anyText("2026-02-30", "T", "Z", "99999999999")).map((parts) => encodeCursor(...parts)),
      ),
      (cursor) => {
        for (const kind of ["text", "uuid", "time", "date", "integer", "bigint"] as const) {
          const parts = parsedOr(() => decodeCursor(cursor, [kind]), 400);
          expect(parts?.[0]?.includes("\0") ?? false).toBe(false);
          if (parts && kind === "time") expect(Number.isNaN(Date.parse(parts[0]))).toBe(false);
        }
      },
    ),
  FUZZ_MS,
);

const Query = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  open: Type.Optional(Type.Boolean()),
  since: Type.Optional(Type.String({ format: "date-time" })),
  search: Type.Optional(Type.String({ maxLength: 20 })),
});

test(
  "a query is read within its bounds, or every fault is named",
  () =>
    forAll(
      fc.dictionary(
        fc.constantFrom("limit", "open", "since", "search", "__proto__", "constructor", "other"),
        fc.oneof(
          anyText("1e3", "0x10", "true"),
          fc.integer().map(String),
          fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        ),
      ),
      (given) => {
        const query = parsedOr(() => readQuery(Query, given), 400);
        if (!query) return;
        expect(query.limit).toBeWithin(1, 201);
        expect(query.search?.includes("\0") ?? false).toBe(false);
        if (query.since !== undefined) expect(Number.isNaN(Date.parse(query.since))).toBe(false);
      },
    ),
  FUZZ_MS,
);

test(
  "a query for the fleet is read or refused with 400",
  () =>
    forAll(
      anyText(
        "facts.",
        "modules",
        "[*]",
        "*",
        "[",
        "]",
        "=",
        "!=",
        "<=",
        ">",
        " and ",
        "exists",
        "missing",
        "'",
        "1.2.3",
        ".",
      ),
      (text) => void parsedOr(() => parseQuery(text), 400),
    ),
  FUZZ_MS,
);

test(
  "a path splits into the segments it was made from",
  () =>
    forAll(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1 }), (segments) => {
      expect(parsePointer(formatPointer(segments))).toEqual(segments);
      expect(parseFieldPath(formatFieldPath(segments))).toEqual(segments);
    }),
  FUZZ_MS,
);

test(
  "a backup's file name is safe in a header and on a disk, whatever was sent",
  () =>
    forAll(anyText("../", "\\", "\r\n", ".tar.gz", ".gpg", "..", "x".repeat(300)), (name) => {
      const filename = filenameOf(name, "id");
      expect(filename).toMatch(/^[A-Za-z0-9._-]{1,255}$/);
      expect(filename).not.toMatch(/^\.*$/);
      const id = parsedOr(() => readId(name), 400);
      if (id) expect(id.uuid).toMatch(/^[0-9a-f-]{36}$/);
    }),
  FUZZ_MS,
);

test(
  "objects of different owners never share a key, and no key climbs out of its place",
  () =>
    forAll(fc.tuple(anyText("/", ".."), anyText("/", "..")), ([one, other]) => {
      const [left, right] = [objectKey(one, "KEY", "uuid", ".gpg"), objectKey(other, "KEY", "uuid", ".gpg")];
      if (Buffer.from(one).equals(Buffer.from(other))) return;
      expect(left).not.toBe(right);
      expect(left.split("/")).toHaveLength(3);
      expect(left.split("/")).not.toContain("..");
    }),
  FUZZ_MS,
);
