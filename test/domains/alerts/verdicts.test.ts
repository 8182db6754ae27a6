// Compares the verdicts on alerts with a real Alertmanager's, case by case; it takes everything that is sent after a correction, too.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readAlerts } from "../../../src/domains/alerts/receive/payload.ts";
import { oddLabels, oddLink, oddTime } from "../../support/alert-cases.ts";
import { hasAlertmanager, startAlertmanager } from "../../support/alertmanager.ts";
import type { TestAlertmanager } from "../../support/alertmanager.ts";
import { seeded } from "../../support/random.ts";

const LABELS = { alertname: "Verdict" };
const starts = (startsAt: unknown) => ({ labels: LABELS, startsAt });
const ends = (endsAt: unknown) => ({ labels: LABELS, endsAt });
const spans = (startsAt: unknown, endsAt: unknown) => ({ labels: LABELS, startsAt, endsAt });
const links = (generatorURL: unknown) => ({ labels: LABELS, generatorURL });
const hours = (ahead: number) => new Date(Date.now() + ahead * 3_600_000).toISOString();

const TIMES = [
  "2022-02-30T00:00:00Z 2022-02-28T24:00:00Z 2022-02-28T23:59:60Z 2024-02-29T00:00:00Z 2023-02-29T00:00:00Z 2000-02-29T00:00:00Z",
  "1900-02-29T00:00:00Z 2100-02-29T00:00:00Z 2022-04-31T00:00:00Z 2022-00-01T00:00:00Z 2022-13-01T00:00:00Z 2022-01-00T00:00:00Z",
  "2022-01-32T00:00:00Z 2022-01-01T25:00:00Z 2022-01-01T00:60:00Z 2022-01-01 2022-01-01T00:00 2022-01-01T00:00Z 2022-01-01T0:00",
  "2022-01-01T00:00+01:00 2022-01-01T00:00:00 2022-01-01T00:00:00.5 2022-01-01T0:00:00Z 2022-01-01T00:00:00.1Z 2022-01-01T00:00:00,1Z",
  "2022-01-01T00:00:00.123456789123Z 2022-01-01T00:00:00.Z 2022-01-01T00:00:00+0100 2022-01-01T00:00:00+01 2022-01-01T00:00:00+1:00",
  "2022-01-01T00:00:00+01:00 2022-01-01T00:00:00-00:00 2022-01-01T00:00:00+23:59 2022-01-01T00:00:00UTC 2022-1-1T00:00:00Z",
  "20220101T000000Z 2022-001T00:00:00Z 2022-W01-1T00:00:00Z 10000-01-01T00:00:00Z -0001-01-01T00:00:00Z +2022-01-01T00:00:00Z",
  "0001-01-01T00:00:00Z 0001-01-01T00:00:00.5Z 0000-12-31T19:03:58-04:56 1969-12-31T23:59:59Z now",
].flatMap((line) => line.split(" "));
const MORE_TIMES: unknown[] = [
  "2022-01-01 00:00:00",
  "2022-01-01 0:00:00.5",
  "2022-01-01 00:00",
  "2022-01-01 00:00:00Z",
  "2022-01-01 00:00:00+01:00",
  " 2022-01-01T00:00:00Z",
  "2022-01-01T00:00:00Z ",
  "2022-01-01T00:00:00Z\n",
  "2022-01-01T00:00:00 Z",
  "",
  " ",
  null,
  1,
  1.5,
  true,
  [],
  {},
  [["2022-01-01T00:00:00Z"]],
];

const LINKS = [
  "http://%zz http://a/%zz http://a/?%zz http://a/#%zz http://a/x#y /x x //x //x/y mailto:x http: http:/ http:// http:x :foo 1http://x",
  "http://[::1]/ http://[abc]/ http://[::1 http://[::1]x/ http://[::1]:x/ http://[::1]:9/ http://[fe80::1%25en0]/ http://[fe80::1%en0]/",
  "http://[fe80::1%25%41]/ http://[fe80::1%25%20]/ http://[fe80::1%25%2f]/ http://a]/ http://a[b/ http://a:b/ http://a:80/ http://a:/",
  "http://a:80:90/ http://a:80b/ http://::1/ http://u:p@h/ http://u:p%zz@h/ http://u%41@h/ http://ué@h/ http://é/ http://a@b@c/ http://@/",
  "http://a%41/ http://a%25/ http://a%e9/ http://a%7f/ http://a%80/ http://a,b/ http://a;b/ http://a!$&'()*+,;=:80/ http://a\"b/ http://a<b>/",
  "http://a|b http://a^b http://a`b http://a{b} http://a\\b #x ?x * ** /% /%4 /%4g /%41 /é a_b:x a+b:x a.b-c:x a:%zz javascript:alert(1)",
  "http://a/?? http://a? http://a?x/y http://a#b http://a/;x http:///x http:////x /?x%",
].flatMap((line) => line.split(" "));
const MORE_LINKS: unknown[] = [
  "http://a b/",
  "http://a/b c",
  "a:x y",
  " http://a/",
  "http://a/ ",
  "http://a/\u007f",
  "http://a/\n",
  "http://a/\t",
  "http://a/\u0000",
  "http://a/\u0085",
  "http://\u0080/",
  "http://a/\ud800",
  `http://a/${"x".repeat(3_000)}`,
  "",
  null,
  1,
  true,
  {},
  [],
];

const LABEL_SETS: unknown[] = [
  ...[{}, null, undefined, 1, "x", [], true],
  ...[{ a: "" }, { a: "", b: "c" }, { a: null }, { a: null, b: "c" }, { a: " " }, { a: "\0" }, { a: "\ud800" }],
  ...[{ a: 1 }, { a: true }, { a: [] }, { a: {} }, { a: "x".repeat(10_000) }, { ["a".repeat(300)]: "b" }],
  ...["", "a-b", "1a", "_", "__name__", "a.b", "a b", "é", "a\0", "a\n", "a:b", "A"].flatMap((name) => [
    { [name]: "x" },
    { [name]: "" },
    { [name]: "", b: "c" },
    { [name]: null, b: "c" },
  ]),
];
const ANNOTATIONS: unknown[] = [
  ...[{}, null, undefined, 1, "x", [], true, { a: "" }, { a: null }, { a: "\0" }, { a: "é" }],
  ...["", "a-b", "1", "a.b", "_"].flatMap((name) => [{ [name]: "x" }, { [name]: "" }, { [name]: null }]),
];

const CASES: unknown[] = [
  ...[...TIMES, ...MORE_TIMES].flatMap((time) => [starts(time), ends(time)]),
  ...[...LINKS, ...MORE_LINKS].map(links),
  ...LABEL_SETS.map((labels) => ({ labels })),
  ...ANNOTATIONS.map((annotations) => ({ labels: LABELS, annotations })),
  spans("2022-01-02T00:00:00Z", "2022-01-01T00:00:00Z"),
  spans("2022-01-01T00:00:00Z", "2022-01-01T00:00:00Z"),
  spans("2022-01-01T01:00:00+01:00", "2022-01-01T00:00:00Z"),
  spans("2022-01-01T00:00:00.000000002Z", "2022-01-01T00:00:00.000000001Z"),
  spans("2022-01-01T00:00:00.000000001Z", "2022-01-01T00:00:00.000000002Z"),
  spans("0001-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
  spans(hours(1), hours(2)),
  spans(hours(2), hours(1)),
  spans("", ""),
  starts(hours(-1)),
  ends("9999-12-31T23:59:59Z"),
  ends("2020-01-01T00:00:00Z"),
  ends("0002-01-01T00:00:00Z"),
  { ...spans("2022-01-01T00:00:00Z", null), status: "firing", fingerprint: 7, receivers: [], unknown: { deep: [1] } },
  ...[1, "x", [], true],
];

describe.skipIf(!hasAlertmanager)("on each alert", () => {
  let upstream: TestAlertmanager;
  beforeAll(async () => {
    upstream = await startAlertmanager();
  }, 60_000);
  afterAll(() => upstream[Symbol.asyncDispose](), 60_000);

  const post = async (alert: unknown) => {
    const { status } = await upstream.post("alerts", [alert]);
    return status;
  };
  const read = (alert: unknown) => readAlerts(Buffer.from(JSON.stringify([alert])), new Date());

  /** Cases on which the two do not agree, and those that we took and would send so that it is refused. */
  async function compare(cases: readonly unknown[]) {
    const differ: string[] = [];
    const refusedLater: string[] = [];
    for (const alert of cases) {
      const { alerts, faults } = await read(alert);
      const isTaken = (await post(alert)) === 200;
      const text = JSON.stringify(alert).slice(0, 200);
      if ((faults.length === 0) !== isTaken) differ.push(`${text}: ${isTaken ? "taken" : "refused"} by Alertmanager`);
      for (const one of alerts) if ((await post(one)) !== 200) refusedLater.push(text);
    }
    return { differ, refusedLater };
  }

  test(`${CASES.length} cases thought of`, async () => {
    expect(CASES.length).toBeGreaterThan(300);
    expect(await compare(CASES)).toEqual({ differ: [], refusedLater: [] });
  }, 120_000);

  test("1,500 cases from a seed", async () => {
    const random = seeded(Number(process.env["VERDICT_SEED"] ?? 14));
    const cases = Array.from({ length: 500 }, () => [
      random.int(2) === 0 ? starts(oddTime(random)) : spans(oddTime(random), oddTime(random)),
      links(oddLink(random)),
      { labels: oddLabels(random) },
    ]).flat();
    expect(await compare(cases)).toEqual({ differ: [], refusedLater: [] });
  }, 120_000);

  // Where they differ on purpose. Muster writes what it takes anew, so that Alertmanager takes it.
  const KINDER = [
    starts("2022-01-01t00:00:00z"),
    starts("2022-01-01T00:00:00z"),
    // A clock that is ahead: it rings from now.
    starts(hours(1)),
    starts("9999-12-31T23:59:59Z"),
    spans(hours(1), "0001-01-01T00:00:00Z"),
    // To Go an empty time is one of 1970; who writes none means none.
    spans("2022-01-01T00:00:00Z", ""),
    { labels: LABELS, annotations: { n: 1, t: true, o: { a: [1] } } },
  ];
  const STRICTER = [
    // Newer Alertmanagers refuse these too, since their Go does.
    starts("2022-01-01T00:00:00+24:00"),
    starts("2022-01-01T00:00:00+25:00"),
    starts("2022-01-01T00:00:00+14:60"),
    // Before the year 1, which PostgreSQL cannot read, and in UTC the year 10000, which RFC 3339 cannot write.
    starts("0000-05-01T00:00:00Z"),
    ends("9999-12-31T23:59:59-23:00"),
    // One field, one name: Go takes names in any case.
    { Labels: LABELS },
  ];

  test("a few are taken that Alertmanager refuses, and written so that it takes them", async () => {
    for (const alert of KINDER) {
      const { alerts, faults } = await read(alert);
      expect([faults, await post(alert)]).toEqual([[], 400]);
      for (const one of alerts) expect(await post(one)).toBe(200);
    }
  }, 60_000);

  test("a few are refused that this Alertmanager takes", async () => {
    for (const alert of STRICTER) expect([(await read(alert)).faults.length, await post(alert)]).toEqual([1, 200]);
  }, 60_000);

  test("a time is the same instant in Alertmanager, whatever its form", async () => {
    const forms = ["2022-01-31T10:00", "2022-01-31 10:00:00", "2022-01-31T9:30:00,5-00:30", "2022-01-31T10:00:00.5Z"];
    for (const [index, form] of forms.entries()) {
      const labels = { alertname: `Form${index}` };
      await upstream.post("alerts", [{ labels, startsAt: form }]);
      const { alerts } = await read({ labels: { alertname: `Ours${index}` }, startsAt: form });
      await upstream.post("alerts", alerts);
      const held = await upstream.alerts();
      const times = held.filter((one) => [`Form${index}`, `Ours${index}`].includes(one.labels["alertname"] ?? ""));
      expect([form, new Set(times.map((one) => Date.parse(one.startsAt))).size, times.length]).toEqual([form, 1, 2]);
    }
  }, 60_000);
});

test("every fault of an alert is named with its index, field and value, ten in all and how many alerts more", async () => {
  const bad = {
    labels: { "a-b": "x", n: 7 },
    annotations: { "c.d": "y" },
    startsAt: "2022-02-30T00:00:00Z",
    endsAt: "2022-01-01T24:00:00Z",
    generatorURL: "http://%zz",
  };
  const { alerts, faults } = await readAlerts(
    Buffer.from(JSON.stringify([{ labels: LABELS }, bad, bad, bad])),
    new Date(),
  );
  expect(alerts.length).toBe(1);
  expect(faults.slice(0, 6)).toEqual([
    'alerts[1].labels has the name "a-b", which must be letters, digits and _, got "x"',
    "alerts[1].labels.n must be a string, got 7",
    'alerts[1].annotations has the name "c.d", which must be letters, digits and _',
    'alerts[1].startsAt must be a date and time, got "2022-02-30T00:00:00Z"',
    'alerts[1].endsAt must be a date and time, got "2022-01-01T24:00:00Z"',
    'alerts[1].generatorURL must be an absolute URL or path, got "http://%zz"',
  ]);
  expect(faults.slice(10)).toEqual(["and 1 more alert"]);
}, 60_000);
