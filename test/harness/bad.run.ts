// Fails in each way that a test can: run by tier.test.ts.
import { expect, test } from "bun:test";

test("is bad", () => {
  console.log("what it logged");
  expect("this").toBe("that");
});

test("is late", async () => {
  await Bun.sleep(60_000);
}, 50);

test("is good", () => {});
