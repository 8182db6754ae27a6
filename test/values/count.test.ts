// Sentences that count are right for one and for many.
import { expect, test } from "bun:test";
import { counted } from "../../src/values/count.ts";

test.each([
  [0, "0 systems"],
  [1, "1 system"],
  [2, "2 systems"],
])("%i is %s", (count, text) => expect(counted(count, "system")).toBe(text));

test("a noun that does not just take an s says its plural itself", () => {
  expect([counted(1, "inventory", "inventories"), counted(3, "inventory", "inventories")]).toEqual([
    "1 inventory",
    "3 inventories",
  ]);
});
