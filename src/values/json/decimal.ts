// Compares decimal numbers by their texts, exactly: those of JSON go beyond what a double holds.

interface Decimal {
  isNegative: boolean;
  /** Without zeros at either end; empty for zero. */
  digits: string;
  /** Of ten, behind the last digit. */
  power: number;
}

/** One text a decimal value: sign, digits without zeros at either end, exponent. Another text is itself. */
export function decimalOf(text: string): string {
  const decimal = readDecimal(text);
  if (!decimal) return text;
  const { isNegative, digits, power } = decimal;
  return digits === "" ? "0" : `${isNegative ? "-" : ""}${digits}e${power}`;
}

/** Below 0, 0 or above 0; undefined when one of them is no number as JSON writes it. */
export function compareDecimals(left: string, right: string): number | undefined {
  const [one, other] = [readDecimal(left), readDecimal(right)];
  if (!one || !other) return undefined;
  const [sign, otherSign] = [signOf(one), signOf(other)];
  if (sign !== otherSign) return Math.sign(sign - otherSign);
  return sign < 0 ? compareSizes(other, one) : compareSizes(one, other);
}

const signOf = ({ isNegative, digits }: Decimal) => (digits === "" ? 0 : isNegative ? -1 : 1);

/** The place of the first digit decides, then the digits one by one. */
function compareSizes(left: Decimal, right: Decimal): number {
  const magnitude = left.digits.length + left.power - (right.digits.length + right.power);
  if (magnitude !== 0) return Math.sign(magnitude);
  return left.digits < right.digits ? -1 : left.digits > right.digits ? 1 : 0;
}

function readDecimal(text: string): Decimal | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(text);
  if (!parts) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  const all = (whole + fraction).replace(/^0+/, "");
  const end = lastNonZero(all) + 1;
  const power = Number(exponent) - fraction.length + (all.length - end);
  return { isNegative: sign === "-", digits: all.slice(0, end), power };
}

/** A pattern such as /0+$/ would try every run of zeros, which is quadratic. */
function lastNonZero(digits: string): number {
  let at = digits.length - 1;
  while (digits[at] === "0") at--;
  return at;
}
