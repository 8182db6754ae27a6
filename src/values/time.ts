// Reads a date and time that somebody outside wrote: RFC 3339 on the real calendar, the one check for all of them.

export const DAY_MS = 86_400_000;

export interface Instant {
  /** Since 1970, rounded down. */
  ms: number;
  /** Of the millisecond, 0 to 999,999. */
  nanos: number;
}

/** Seconds may be left out. Digits beyond nanoseconds say nothing; 24:00:00 and leap seconds are no times to PostgreSQL and Go. */
const FORM =
  /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,30}))?)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** Undefined for what is no date and time, such as the 30th of February. An offset may lead out of the years 0 to 9999. */
export function readInstant(text: string): Instant | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const number = (group: number) => Number(match[group] ?? 0);
  const [year, month, day] = [number(1), number(2), number(3)];
  const date = new Date(0);
  // Date.UTC takes the years 0 to 99 for those of the 20th century.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const fraction = Number((match[7] ?? "").padEnd(9, "0").slice(0, 9));
  const nanos = fraction % 1_000_000;
  date.setUTCHours(number(4), number(5), number(6), (fraction - nanos) / 1_000_000);
  const offsetMinutes = (match[8] === "-" ? -1 : 1) * (number(9) * 60 + number(10));
  return { ms: date.getTime() - offsetMinutes * 60_000, nanos };
}

const FIRST_MS = Date.parse("0001-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/** The same instant in UTC, nanoseconds kept, as PostgreSQL and Go read it; undefined outside of the years 1 to 9999. */
export function printInstant({ ms, nanos }: Instant): string | undefined {
  if (ms < FIRST_MS || ms > LAST_MS) return undefined;
  const text = new Date(ms).toISOString();
  return nanos === 0 ? text : `${text.slice(0, -1)}${String(nanos).padStart(6, "0")}Z`;
}

/** An outside date and time in UTC, fit for a statement; undefined for what is none. */
export function readTime(text: string): string | undefined {
  const instant = readInstant(text);
  return instant && printInstant(instant);
}

/** Below 0 when `left` is earlier. */
export const compareInstants = (left: Instant, right: Instant): number =>
  left.ms - right.ms || left.nanos - right.nanos;
