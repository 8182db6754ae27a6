// Compares a stored value with an operand for `<`, `<=`, `>` and `>=`: numbers as numbers, texts as versions.
import { compareDecimals } from "../../../values/json/decimal.ts";
import { compareVersions, parseVersion } from "../../../values/version.ts";

/** Negative, zero or positive; undefined when the two cannot be compared. `stored` is JSON text. */
export function compareValue(stored: string, operand: string): number | undefined {
  if (!stored.startsWith('"')) return compareDecimals(stored, operand);
  const [version, wanted] = [parseVersion(String(JSON.parse(stored))), parseVersion(operand)];
  return version && wanted && compareVersions(version, wanted);
}
