// The snapshot that people read is what the migrations make.
import { expect, test } from "bun:test";
import { describeSchema, SNAPSHOT } from "../scripts/schema-snapshot.ts";
import { createTestDatabase } from "./support/postgres.ts";

test("sql/schema.sql is what the migrations make; bun scripts/schema-snapshot.ts rewrites it", async () => {
  await using made = await createTestDatabase();
  expect(await describeSchema(made.database)).toBe(await Bun.file(SNAPSHOT).text());
}, 60_000);

test("the snapshot sees a column, an index and a function that are not in it", async () => {
  await using made = await createTestDatabase();
  await made.database.query(
    "alter table systems add column nickname text default 'none'; create index systems_by_nickname on systems (nickname); create function f() returns int language sql as 'select 1'",
  );
  const lines = (await describeSchema(made.database)).split("\n");
  const known = new Set((await Bun.file(SNAPSHOT).text()).split("\n"));
  const added = lines.filter((line) => !known.has(line)).join("\n");
  expect(added).toContain("nickname text default 'none'::text");
  expect(added).toContain("CREATE INDEX systems_by_nickname ON public.systems USING btree (nickname);");
  expect(added).toContain("FUNCTION public.f()");
}, 60_000);
