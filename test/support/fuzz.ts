// How the fuzz suite runs: a fixed seed and few cases by default; `FUZZ_CASES=100000 FUZZ_SEED=7 bun run test:fuzz` for long.
import { expect } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../src/errors.ts";

export const CASES = Number(process.env["FUZZ_CASES"] ?? 1_000);
export const SEED = Number(process.env["FUZZ_SEED"] ?? 1);

/** Time that one property may take: a long run is long. */
export const FUZZ_MS = 20_000 + CASES * 20;

/** Runs `holds` on every case; a case that fails is shrunk and shown with the seed that finds it again. */
export function forAll<Value>(values: fc.Arbitrary<Value>, holds: (value: Value) => void): void {
  fc.assert(fc.property(values, holds), { numRuns: CASES, seed: SEED, endOnFailure: true });
}

export function forAllAsync<Value>(values: fc.Arbitrary<Value>, holds: (value: Value) => Promise<void>): Promise<void> {
  return fc.assert(fc.asyncProperty(values, holds), { numRuns: CASES, seed: SEED, endOnFailure: true });
}

/** What `parse` gives, or undefined when it refuses as it should: a Failure with one of the statuses, in words. */
export function parsedOr<Value>(parse: () => Value, ...statuses: number[]): Value | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(statuses).toContain(error.status);
    expect(error.message).not.toBe("");
    return undefined;
  }
}

/** Text as hostile as text gets: any code unit, NUL and lone surrogates among them, and pieces that parsers look for. */
export const anyText = (...pieces: string[]) =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom("\0", "\ud800", "\u2028", "\\", '"', "é", "😀", ...pieces),
        fc.string({ unit: "binary" }),
      ),
    )
    .map((parts) => parts.join(""));
