// Runs past its time in one test and needs the shared server in the next: run by run.test.ts.
import { expect, test } from "bun:test";
import { createTestDatabase } from "../support/postgres.ts";

test("takes longer than it may", async () => {
  await createTestDatabase();
  await Bun.sleep(60_000);
}, 100);

test("comes after it", async () => {
  await using made = await createTestDatabase();
  expect(await made.database.query("select 1 as one")).toEqual([{ one: 1 }]);
}, 60_000);
