// Checks that integers survive as the bytes that PostgreSQL reads and writes.
import { expect, test } from "bun:test";
import { packLongs, unpackIntegers, unpackLongs } from "../../src/values/packed.ts";

test("integers up to the largest that a double holds survive as bytes", () => {
  const numbers = Float64Array.from([0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 123456789012345]);
  expect(unpackLongs(packLongs(numbers))).toEqual(numbers);
});

test("integers of four bytes are read as int4send writes them", () => {
  expect(unpackIntegers(Buffer.from("0000000100ffffff7fffffffffffffff", "hex"))).toEqual(
    Int32Array.from([1, 2 ** 24 - 1, 2 ** 31 - 1, -1]),
  );
});

test("SQL's null is no numbers", () => {
  expect(unpackLongs(null)).toHaveLength(0);
  expect(unpackIntegers(null)).toHaveLength(0);
});
