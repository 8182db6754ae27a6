// Makes alerts as no sane client writes them: times, links, names and values that are nearly right, from a seed.
import type { Random } from "./random.ts";

const two = (value: number) => String(value).padStart(2, "0");

/** About half of them are dates and times. Offsets stay below 24:00, which is where Go versions begin to differ. */
export function oddTime(random: Random): string {
  if (random.int(12) === 0)
    return random.pick([
      "now",
      "2022-01-31",
      "2022-01-31T",
      "0001-01-01T00:00:00Z",
      "2022-W05-6T00:00:00Z",
      "1770000000",
    ]);
  const year = random.pick(["2022", "2024", "2023", "2000", "1900", "1969", "0001", "202", "20220"]);
  const month = two(random.int(10) === 0 ? random.pick([0, 13]) : 1 + random.int(12));
  const day = two(random.pick([1, 15, 28, 29, 30, 31, 0, 32]));
  const hour = random.int(8) === 0 ? String(random.int(26)) : two(random.int(24));
  const minute = two(random.int(20) === 0 ? 60 : random.int(60));
  const second = two(random.int(20) === 0 ? 60 : random.int(60));
  const fraction = random.pick(["", "", "", ".5", ",25", ".123456789", ".1234567890123", "."]);
  const offset = `${random.pick(["+", "-"])}${two(random.int(24))}:${two(random.int(60))}`;
  const zone = random.pick(["Z", "Z", "Z", "", offset, "+0100", "+01", " Z", "UTC"]);
  const seconds = random.int(6) === 0 ? "" : `:${second}${fraction}`;
  return `${year}-${month}-${day}${random.pick(["T", "T", "T", " "])}${hour}:${minute}${seconds}${zone}`;
}

const LINK_PARTS =
  "http https ftp a+b 1x mailto : :// // / /x [ ] [::1] ::1 %25 %2 %zz %41 %e9 % @ u:p é ☃ ? # \" < > | ^ ` { } \\ :80 :x x.y * ~ ; , = & + ! ' ( ) _".split(
    " ",
  );

export function oddLink(random: Random): string {
  const start = random.pick(["http://", "http://", "https://", "/", "", "http:"]);
  const parts = Array.from({ length: random.int(5) }, () => random.pick([...LINK_PARTS, " ", "\t", "\x7f"]));
  return start + parts.join("");
}

const NAMES = ["alertname", "a", "_", "A1", "__name__", "a-b", "1a", "", "a.b", "é", "a b", "a:b", "a\n", "a\0"];
const VALUES: unknown[] = ["x", "x", "x", "", " ", "é", "\0", "\ud800", "a\nb", null, 1, true, [], {}];

export const oddLabels = (random: Random): Record<string, unknown> =>
  Object.fromEntries(
    Array.from({ length: 1 + random.int(3) }, () => [
      random.int(3) === 0 ? random.pick(NAMES) : random.pick(NAMES.slice(0, 5)),
      random.int(3) === 0 ? random.pick(VALUES) : "x",
    ]),
  );
