// Query strings and cursors: read strictly, refused in words.
import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Failure } from "../../src/errors.ts";
import { decodeCursor, encodeCursor } from "../../src/http/edge/cursor.ts";
import { readQuery, refuseRepeated } from "../../src/http/edge/query.ts";
import { Nullable, OneOf } from "../../src/values/schema.ts";
import { openTestApp } from "../support/app.ts";

const Shape = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 10, default: 5 }),
  open: Type.Optional(Type.Boolean()),
  from: Type.Optional(Type.String({ format: "date-time" })),
  text: Type.Optional(Type.String({ maxLength: 3 })),
  state: Type.Optional(Type.Union([Type.Literal("on"), Type.Literal("off")])),
  pin: Type.Optional(Nullable(OneOf(["keep", "drop"]))),
});

function faultsOf(query: Record<string, unknown>): unknown {
  try {
    readQuery(Shape, query);
    return {};
  } catch (error) {
    if (error instanceof Failure && error.status === 400) return error.data?.["faults"];
    throw error;
  }
}

describe("a query", () => {
  test("is read as the types it stands for, an empty value being none", () => {
    const given = { limit: "7", open: "true", from: "2026-01-31T10:00:00+01:00", text: "7", state: "on" };
    expect(readQuery(Shape, given)).toEqual({
      ...given,
      limit: 7,
      open: true,
      from: "2026-01-31T09:00:00.000Z",
      state: "on",
    });
    expect(readQuery(Shape, { limit: "", text: "" })).toEqual({ limit: 5 });
  });

  test.each([
    ["limit", "1.5", 'must be a whole number from 1 to 10, got "1.5"'],
    ["limit", "true", 'must be a whole number from 1 to 10, got "true"'],
    ["limit", ["1", "2"], 'must be a whole number from 1 to 10, got ["1","2"]'],
    ["open", "1", 'must be true or false, got "1"'],
    [
      "from",
      "2026-02-30T00:00:00Z",
      'must be a date and time such as 2026-01-31T10:00:00Z, got "2026-02-30T00:00:00Z"',
    ],
    [
      "from",
      "2026-01-31T24:00:00Z",
      'must be a date and time such as 2026-01-31T10:00:00Z, got "2026-01-31T24:00:00Z"',
    ],
    ["from", "yesterday", 'must be a date and time such as 2026-01-31T10:00:00Z, got "yesterday"'],
    [
      "from",
      "2026-13-01T00:00:00Z",
      'must be a date and time such as 2026-01-31T10:00:00Z, got "2026-13-01T00:00:00Z"',
    ],
    ["text", "abcd", 'must be a string of 0 to 3 characters, got "abcd"'],
    ["text", "a\0", "must not hold U+0000"],
    ["state", "x", 'must be one of on, off, got "x"'],
    ["pin", "x", 'must be one of keep, drop, null, got "x"'],
    ["hasOwnProperty", "x", "is not known here; known are limit, open, from, text, state, pin"],
  ])("refuses %s=%p", (name, value, fault) => {
    expect(faultsOf({ [name]: value })).toEqual({ [name]: fault });
  });
});

test("a query that lacks what it must have is told so, in the words of a body", () => {
  const Required = Type.Object({ path: Type.String({ minLength: 1, maxLength: 9 }) });
  for (const query of [{}, { path: "" }])
    expect(() => readQuery(Required, query)).toThrow("path must be a string of 1 to 9 characters, got nothing");
});

describe("a name given twice", () => {
  test.each([
    ["?limit=1&limit=1", ["limit"]],
    ["?limit=1&%6cimit=2&text=&text=", ["limit", "text"]],
    ["?a+b=1&a%20b=2", ["a b"]],
    ["?__proto__&__proto__", ["__proto__"]],
    ["?limit=1&Limit=2&text=a=b&", []],
    ["", []],
    ["?", []],
  ])("%s", (search, repeated) => {
    let named: string[] = [];
    try {
      refuseRepeated(`http://gw/api/admin/systems${search}`);
    } catch (error) {
      named = Object.keys((error as Failure).data?.["faults"] ?? {});
    }
    expect(named).toEqual(repeated);
  });

  test("is refused on the operators' routes", async () => {
    await using app = await openTestApp();
    const { status, body } = await app.admin("GET", "/api/admin/systems?limit=1&limit=2");
    expect([status, body.message]).toEqual([400, "invalid query: limit is given twice"]);
    expect((await app.admin("GET", "/api/admin/systems?__proto__=1")).status).toBe(400);
    expect((await app.admin("POST", "/api/admin/systems", JSON.parse('{"name":"x","__proto__":1}'))).status).toBe(400);
  }, 60_000);
});

describe("a cursor", () => {
  test("gives back what it was made of", () => {
    const id = "01234567-89ab-cdef-0123-456789abcdef";
    expect(decodeCursor(encodeCursor('ü "\\', id), ["text", "uuid"])).toEqual(['ü "\\', id]);
    expect(decodeCursor(undefined, ["text"])).toBeUndefined();
    expect(decodeCursor(encodeCursor("2026-01-31T10:00:00.123456Z", "7"), ["time", "integer"])).toEqual([
      "2026-01-31T10:00:00.123456Z",
      "7",
    ]);
  });

  test.each([
    ["of another length", encodeCursor("a", "b"), ["text"]],
    ["of another kind", encodeCursor("a"), ["uuid"]],
    ["with a time that no calendar has", encodeCursor("2026-02-30T00:00:00Z"), ["time"]],
    ["with a number too large", encodeCursor("9999999999"), ["integer"]],
    ["with U+0000", encodeCursor("a\0"), ["text"]],
    ["that is no list", Buffer.from('"a"').toString("base64url"), ["text"]],
    ["that holds no texts", Buffer.from("[1]").toString("base64url"), ["integer"]],
    ["that is nothing", "%%%", ["text"]],
  ] as const)("%s is refused", (_, cursor, kinds) => {
    expect(() => decodeCursor(cursor, kinds)).toThrow("cursor is not one that this API gave out");
  });
});
