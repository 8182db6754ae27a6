// What is a date and time and what only looks like one; checked against PostgreSQL, which gets what passes.
import { expect, test } from "bun:test";
import { compareInstants, printInstant, readInstant, readTime } from "../../src/values/time.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { seeded } from "../support/random.ts";

test.each([
  ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00.000Z"],
  ["2026-01-31t10:00:00z", "2026-01-31T10:00:00.000Z"],
  ["2026-01-31T10:00Z", "2026-01-31T10:00:00.000Z"],
  ["2026-01-31T10:00:00.5+01:30", "2026-01-31T08:30:00.500Z"],
  ["2026-01-01T00:00:00+23:59", "2025-12-31T00:01:00.000Z"],
  ["2025-12-31T23:00:00-02:00", "2026-01-01T01:00:00.000Z"],
  ["2026-01-31T10:00:00.123456789123Z", "2026-01-31T10:00:00.123456789Z"],
  ["1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"],
  ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
  ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"],
  ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
  ["0099-12-31T00:00:00Z", "0099-12-31T00:00:00.000Z"],
  ["9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"],
])("%s is %s", (text, utc) => expect(readTime(text)).toBe(utc));

test.each([
  "2026-02-30T00:00:00Z",
  "2026-04-31T00:00:00Z",
  "2026-00-01T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-01-00T00:00:00Z",
  "2026-01-32T00:00:00Z",
  "2023-02-29T00:00:00Z",
  "1900-02-29T00:00:00Z",
  "2100-02-29T00:00:00Z",
  "2026-01-01T24:00:00Z",
  "2026-01-01T23:60:00Z",
  "2026-12-31T23:59:60Z",
  "2026-01-01T00:00:00+24:00",
  "2026-01-01T00:00:00+01:60",
  "2026-01-01T00:00:00+0100",
  "2026-01-01T00:00:00+01",
  "2026-01-01T00:00:00",
  "2026-01-01",
  "2026-01-01 00:00:00Z",
  "2026-1-1T00:00:00Z",
  "2026-01-01T00:00:00.Z",
  "2026-01-01T00:00:00,5Z",
  `2026-01-01T00:00:00.${"1".repeat(31)}Z`,
  "0000-12-31T00:00:00Z",
  "0001-01-01T00:00:00+01:00",
  "9999-12-31T23:59:59-00:01",
  "10000-01-01T00:00:00Z",
  "+275760-09-13T00:00:00Z",
  "-0001-01-01T00:00:00Z",
  " 2026-01-01T00:00:00Z",
  "2026-01-01T00:00:00Z\n",
  "٢٠٢٦-01-01T00:00:00Z",
  "infinity",
  "now",
  "",
])("%j is no time", (text) => expect(readTime(text)).toBeUndefined());

test("times are compared to the nanosecond, across offsets", () => {
  const compare = (left: string, right: string) => {
    const [a, b] = [readInstant(left), readInstant(right)];
    if (!a || !b) throw new Error("no time");
    return Math.sign(compareInstants(a, b));
  };
  expect(compare("2026-01-01T00:00:00.000000002Z", "2026-01-01T00:00:00.000000001Z")).toBe(1);
  expect(compare("2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z")).toBe(0);
  expect(compare("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1Z")).toBe(-1);
});

test("every time that passes is the same instant to PostgreSQL, and every day that it refuses is refused", async () => {
  await using own = await createTestDatabase();
  const random = seeded(20260230);
  const two = (most: number) => String(random.int(most + 1)).padStart(2, "0");
  const texts = Array.from(
    { length: 3_000 },
    () =>
      `${String(random.int(9_999)).padStart(4, "0")}-${two(13)}-${two(32)}T${two(24)}:${two(60)}:${two(60)}` +
      `${random.int(2) === 0 ? `.${random.int(1e6)}` : ""}${random.int(2) === 0 ? "Z" : `${random.int(2) === 0 ? "+" : "-"}${two(25)}:${two(60)}`}`,
  );
  const passed = texts.flatMap((text) => readTime(text) ?? []);
  expect(passed.length).toBeGreaterThan(1_000);
  const kept = await own.database.query<{ text: string; at: Date }>(
    "select text, text::timestamptz as at from unnest($1::text[]) text",
    [passed],
  );
  for (const { text, at } of kept) expect(at.getTime()).toBe(Date.parse(text));
  // PostgreSQL's own verdict on the day alone: what it refuses must not pass.
  const days = texts.map((text) => text.slice(0, 10));
  const real = await own.database.query<{ day: string; is_real: boolean }>(
    `select day, is_real from unnest($1::text[]) day, lateral (
       select case when substr(day, 6, 2)::int not between 1 and 12 or substr(day, 1, 4) = '0000' then false
         else substr(day, 9, 2)::int between 1 and extract(day from (substr(day, 1, 8) || '01')::date + interval '1 month - 1 day') end as is_real
     ) known`,
    [days],
  );
  for (const { day, is_real } of real)
    expect([day, readTime(`${day}T12:00:00Z`) !== undefined]).toEqual([day, is_real]);
  expect(printInstant({ ms: Date.parse("+010000-01-01T00:00:00Z"), nanos: 0 })).toBeUndefined();
}, 60_000);
