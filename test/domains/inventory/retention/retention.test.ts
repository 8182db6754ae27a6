// Which records go with age: the table of stages, calendars, and that what is left does not depend on how often one prunes.
import { describe, expect, test } from "bun:test";
import { judgeRecords, thinnedBefore } from "../../../../src/domains/inventory/retention/retention.ts";
import type { AgeingRecord } from "../../../../src/domains/inventory/retention/retention.ts";
import { seeded } from "../../../support/random.ts";
import type { Random } from "../../../support/random.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const at = (receivedAt: string | number, more: Partial<AgeingRecord> = {}): AgeingRecord => ({
  id: String(receivedAt),
  receivedAt: new Date(receivedAt),
  lastSeenAt: new Date(receivedAt),
  pinned: false,
  isLatest: false,
  awaitsComparison: false,
  ...more,
});

const kept = (records: AgeingRecord[], now: string | number) => {
  const verdicts = judgeRecords(records, new Date(now));
  return records.filter((_record, index) => verdicts[index]?.kept);
};
const keptIds = (records: AgeingRecord[], now: string | number) => kept(records, now).map((record) => record.id);
const times = (records: AgeingRecord[]) => records.map((record) => record.receivedAt.getTime());
const every = (stepMs: number, from: string, to: string) =>
  Array.from({ length: (Date.parse(to) - Date.parse(from)) / stepMs }, (_one, index) =>
    at(Date.parse(from) + index * stepMs),
  );

describe("of records every hour for two years", () => {
  const NOW = Date.parse("2026-06-17T12:00:00Z");
  const records = every(HOUR_MS, "2024-06-17T12:00:00Z", "2026-06-17T12:00:00Z");
  const left = times(kept(records, NOW));
  const between = (from: string, to: string) =>
    left
      .filter((time) => time >= Date.parse(from) && time < Date.parse(to))
      .map((time) => new Date(time).toISOString());

  test("all of the last seven days stay", () => {
    expect(between("2026-06-10T12:00:00Z", "2026-06-17T12:00:00Z")).toHaveLength(7 * 24);
  });

  test("one a day stays to one month", () => {
    const days = between("2026-05-17T00:00:00Z", "2026-06-10T12:00:00Z").map((time) => time.slice(0, 10));
    expect(days).toHaveLength(25);
    expect(new Set(days).size).toBe(25);
  });

  test("one an ISO week, its Monday's first, stays to three months", () => {
    const weeks = between("2026-03-16T00:00:00Z", "2026-05-17T00:00:00Z");
    expect(weeks).toHaveLength(9);
    for (const time of weeks) {
      expect(new Date(time).getUTCDay()).toBe(1);
      expect(time).toEndWith("T00:00:00.000Z");
    }
  });

  test("one a calendar month stays to one year", () => {
    const months = between("2025-06-01T00:00:00Z", "2026-03-16T00:00:00Z").map((time) => time.slice(0, 7));
    expect(months).toEqual([
      "2025-06",
      "2025-07",
      "2025-08",
      "2025-09",
      "2025-10",
      "2025-11",
      "2025-12",
      "2026-01",
      "2026-02",
      "2026-03",
    ]);
  });

  test("one a quarter stays for ever, and the very first", () => {
    const quarters = between("2024-06-17T12:00:00Z", "2025-06-01T00:00:00Z").map((time) => time.slice(0, 7));
    expect(quarters).toEqual(["2024-06", "2024-07", "2024-10", "2025-01", "2025-04"]);
    expect(left[0]).toBe(Date.parse("2024-06-17T12:00:00Z"));
  });

  test("nothing else stays", () => {
    expect(left).toHaveLength(7 * 24 + 25 + 9 + 10 + 5);
  });
});

describe("whatever its age stays", () => {
  const NOW = "2026-06-17T12:00:00Z";
  const morning = ["2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z"];

  test("nothing but a span's first, without a reason", () => {
    expect(keptIds([at("2025-01-01T00:00:00Z"), ...morning.map((time) => at(time))], NOW)).toEqual([
      "2025-01-01T00:00:00Z",
      "2026-03-02T08:00:00Z",
    ]);
  });

  test.each([{ pinned: true }, { isLatest: true }, { awaitsComparison: true }])("a record that is %j", (reason) => {
    const records = [at("2025-01-01T00:00:00Z"), ...morning.map((time) => at(time))];
    records[3] = at("2026-03-02T10:00:00Z", reason);
    expect(keptIds(records, NOW)).toEqual(["2025-01-01T00:00:00Z", "2026-03-02T08:00:00Z", "2026-03-02T10:00:00Z"]);
  });

  test("the first record, beside the one that its month keeps", () => {
    // 1 March 2026 is a Sunday of a week that began in February.
    expect(keptIds([at("2026-03-01T00:00:00Z"), at("2026-03-02T08:00:00Z"), at("2026-03-09T08:00:00Z")], NOW)).toEqual([
      "2026-03-01T00:00:00Z",
      "2026-03-02T08:00:00Z",
    ]);
  });

  test("a document that came again within seven days, or as the first of a later span", () => {
    const first = at("2026-03-02T08:00:00Z");
    const again = (lastSeenAt: string) => at("2026-03-02T09:00:00Z", { lastSeenAt: new Date(lastSeenAt) });
    expect(kept([first, again("2026-03-03T09:00:00Z")], NOW)).toEqual([first]);
    expect(kept([first, again("2026-06-11T09:00:00Z")], NOW)).toHaveLength(2);
    expect(kept([first, again("2026-04-07T09:00:00Z")], NOW)).toHaveLength(2);
  });
});

describe("calendars", () => {
  test("a month that has nothing but days of a week begun before keeps one of those", () => {
    // Monday 27 April to Sunday 3 May 2026.
    const records = ["2026-01-05T00:00:00Z", "2026-04-28T00:00:00Z", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z"];
    const ids = ["2026-01-05T00:00:00Z", "2026-04-28T00:00:00Z", "2026-05-01T00:00:00Z"];
    expect(
      keptIds(
        records.map((time) => at(time)),
        "2026-06-20T00:00:00Z",
      ),
    ).toEqual(ids);
    expect(
      keptIds(
        records.map((time) => at(time)),
        "2026-12-20T00:00:00Z",
      ),
    ).toEqual(ids);
  });

  test("a week that crosses a month, or a year, keeps one", () => {
    const records = every(DAY_MS, "2025-12-01T00:00:00Z", "2026-01-19T00:00:00Z");
    const left = kept(records, "2026-02-24T00:00:00Z").map((record) => record.id);
    const mondays = ["2025-12-01", "2025-12-08", "2025-12-15", "2025-12-22", "2025-12-29", "2026-01-05", "2026-01-12"];
    expect(left.map((id) => new Date(Number(id)).toISOString().slice(0, 10))).toEqual(mondays);
  });

  test.each([
    ["2026-03-28T10:00:00Z", "2026-02-27T23:59:59Z", "week"],
    ["2026-03-28T10:00:00Z", "2026-02-28T00:00:00Z", "day"],
    ["2026-03-30T10:00:00Z", "2026-02-28T23:59:59Z", "week"],
    ["2026-03-31T10:00:00Z", "2026-03-01T00:00:00Z", "day"],
    ["2028-02-29T10:00:00Z", "2027-02-28T23:59:59Z", "quarter"],
    ["2028-02-29T10:00:00Z", "2027-03-01T00:00:00Z", "month"],
    ["2026-05-31T10:00:00Z", "2026-02-22T23:59:59Z", "month"],
    ["2026-05-31T10:00:00Z", "2026-02-23T00:00:00Z", "week"],
    ["2026-05-31T10:00:00Z", "2026-05-24T10:00:00Z", "all"],
    ["2026-05-31T10:00:00Z", "2026-05-24T09:59:59Z", "day"],
  ])("at %s, what came at %s is in the stage: %s", (now, receivedAt, stage) => {
    expect(judgeRecords([at(receivedAt)], new Date(now))[0]?.stage).toBe(stage as "all");
  });

  test("no stage's beginning ever goes back", () => {
    let last = ["quarter", "month", "week", "day", "all"].map(() => -Infinity);
    const probe = every(6 * HOUR_MS, "2026-11-01T00:00:00Z", "2028-04-01T00:00:00Z");
    for (let now = Date.parse("2028-01-25T00:00:00Z"); now < Date.parse("2028-04-05T00:00:00Z"); now += HOUR_MS) {
      const stages = judgeRecords(probe, new Date(now)).map((verdict) => verdict.stage);
      const ends = ["quarter", "month", "week", "day"].map((stage) => stages.lastIndexOf(stage as "day"));
      ends.forEach((end, index) => expect(end).toBeGreaterThanOrEqual(last[index] ?? 0));
      last = ends;
    }
  }, 240_000);

  test("a change of clocks somewhere moves nothing: only UTC counts", () => {
    const zone = process.env["TZ"];
    const records = every(HOUR_MS, "2026-02-01T00:00:00Z", "2026-06-01T00:00:00Z");
    try {
      const results = ["UTC", "Europe/Rome", "Pacific/Auckland", "America/St_Johns"].map((name) => {
        process.env["TZ"] = name;
        return keptIds(records, "2026-06-01T00:00:00Z");
      });
      for (const result of results) expect(result).toEqual(results[0] ?? []);
    } finally {
      if (zone === undefined) delete process.env["TZ"];
      else process.env["TZ"] = zone;
    }
  });

  test("what is younger than seven days is nobody's business", () => {
    expect(thinnedBefore(new Date("2026-03-10T10:00:00Z")).toISOString()).toBe("2026-03-03T10:00:00.000Z");
  });
});

/** A history with gaps, bursts, states that held for weeks, pins. */
function randomHistory(random: Random, days: number): AgeingRecord[] {
  const records: AgeingRecord[] = [];
  const gapsMs = [10 * 60_000, 5 * HOUR_MS, 30 * HOUR_MS, 6 * DAY_MS, 40 * DAY_MS, 120 * DAY_MS];
  const start = Date.parse("2024-01-01T00:00:00Z") + random.int(400) * DAY_MS;
  let widest = 1 + random.int(gapsMs.length);
  for (let time = start; time < start + days * DAY_MS;) {
    if (random.int(50) === 0) widest = 1 + random.int(gapsMs.length);
    const heldMs = random.int(6) === 0 ? random.int(20 * DAY_MS) : 0;
    records.push({ ...at(time), lastSeenAt: new Date(time + heldMs), pinned: random.int(40) === 0 });
    time += heldMs + 1 + random.int(gapsMs[random.int(widest)] ?? HOUR_MS);
  }
  return records;
}

/** What is left when, from the first record on, somebody prunes after each step of random length. */
function pruneOften(history: AgeingRecord[], endMs: number, stepOf: () => number): string[] {
  let left: AgeingRecord[] = [];
  let next = 0;
  for (let now = history[0]?.receivedAt.getTime() ?? 0; ; now = Math.min(now + stepOf(), endMs)) {
    for (let one = history[next]; one && one.receivedAt.getTime() <= now; one = history[next]) {
      left.push(one);
      next += 1;
    }
    // Until the next one comes, the newest is the latest; it has been seen only until now.
    const seen = left.map((record, index) => ({
      ...record,
      lastSeenAt: new Date(Math.min(record.lastSeenAt.getTime(), now)),
      isLatest: index === left.length - 1,
    }));
    const staying = new Set(keptIds(seen, now));
    left = left.filter((record) => staying.has(record.id));
    if (now === endMs) return left.map((record) => record.id);
  }
}

describe("on random histories", () => {
  test.each(Array.from({ length: 40 }, (_one, seed) => seed + 1))(
    "pruning often for two years leaves what pruning once leaves (seed %i)",
    (seed) => {
      const random = seeded(seed);
      const history = randomHistory(random, 700);
      const end = (history.at(-1)?.lastSeenAt.getTime() ?? 0) + random.int(300) * DAY_MS;
      const latest = history.map((record, index) => ({ ...record, isLatest: index === history.length - 1 }));
      const once = keptIds(latest, end);
      expect(pruneOften(history, end, () => DAY_MS)).toEqual(once);
      expect(pruneOften(history, end, () => 1 + random.int(20 * DAY_MS))).toEqual(once);
    },
  );

  test.each(Array.from({ length: 20 }, (_one, seed) => seed + 100))(
    "every span that had a receipt keeps one, and at most one (seed %i)",
    (seed) => {
      const random = seeded(seed);
      const history = randomHistory(random, 700).map((record) => ({
        ...record,
        pinned: false,
        lastSeenAt: record.receivedAt,
      }));
      const now = (history.at(-1)?.receivedAt.getTime() ?? 0) + random.int(60) * DAY_MS;
      const verdicts = judgeRecords(history, new Date(now));
      const spanOf = (record: AgeingRecord) => {
        const iso = record.receivedAt.toISOString();
        return { month: iso.slice(0, 7), quarter: `${iso.slice(0, 4)}-${Math.floor(Number(iso.slice(5, 7)) / 3.1)}` };
      };
      for (const stage of ["month", "quarter"] as const) {
        const inStage = history.filter((_record, index) => verdicts[index]?.stage === stage);
        const staying = inStage.filter((record) => verdicts[history.indexOf(record)]?.kept);
        const spans = staying.filter((record) => record !== history[0]).map((record) => spanOf(record)[stage]);
        expect(new Set(spans).size).toBe(spans.length);
        const had = new Set(inStage.map((record) => spanOf(record)[stage]));
        for (const span of had)
          expect(history.some((record, index) => verdicts[index]?.kept && spanOf(record)[stage] === span)).toBe(true);
      }
    },
  );
});
