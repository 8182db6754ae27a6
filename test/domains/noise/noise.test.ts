// Noise that teaches itself: on the real store, and against those who would misuse it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BUILTIN_RULES } from "../../../src/domains/inventory/rules/builtin-rules.ts";
import { compareTexts } from "../../../src/domains/inventory/rules/judge.ts";
import type { ComparedChange } from "../../../src/domains/inventory/rules/judge.ts";
import { suppress, type Known } from "../../../src/domains/noise/suppress.ts";
import { generalize, noisePath } from "../../../src/domains/noise/path.ts";
import { openRules } from "../../../src/domains/inventory/rules/rules.ts";
import type { Database } from "../../../src/ports/database.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import { testClock } from "../../support/clock.ts";
import { openTestNoise } from "../../support/noise.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { runJson, runMuster } from "../../support/program.ts";

const insertSystems = (database: Database, systems: readonly { id: string; organization: string }[]) =>
  database.query(
    `insert into systems (id, name, organization_id, system_key, created_at)
     select id, 'of a fleet', organization, id::text, now() from unnest($1::uuid[], $2::text[]) as t (id, organization)`,
    [systems.map((one) => one.id), systems.map((one) => one.organization)],
  );

/** The change of a firewall's features from 1 to 2, as the built-in rules judge it. */
function judged(features: object): Partial<ComparedChange> {
  const was = JSON.stringify({ installation: "nethsecurity", facts: { features } });
  const [change] = compareTexts(was, was.replace(":1}", ":2}"), openRules(BUILTIN_RULES));
  if (!change) throw new Error("nothing changed");
  return change;
}

describe("what an organization's systems teach", () => {
  const place = "facts.features.netifyd.flows_last_24h";
  const pointer = `/${place.replaceAll(".", "/")}`;

  /** Systems by organization, changing every day at the hours given. */
  async function teach(
    organizations: Record<string, number>,
    {
      days,
      times = 1,
      change = aChange({ pointer }),
      changes = () => true,
    }: { days: number; times?: number; change?: ComparedChange; changes?(number: number, day: number): boolean },
  ) {
    const made = await createTestDatabase();
    const clock = testClock();
    const learned = openTestNoise({ database: made.database, clock });
    const systems = Object.entries(organizations).flatMap(([organization, count]) =>
      Array.from({ length: count }, () => ({ id: Bun.randomUUIDv7(), organization })),
    );
    await insertSystems(made.database, systems);
    for (let day = 0; day < days; day++) {
      for (let time = 0; time < times; time++)
        for (const [number, { id, organization }] of systems.entries())
          if (organization !== "quiet" && changes(number, day)) learned.observe(id, clock.now(), [change]);
      await learned.learn();
      if (day < days - 1) await clock.advance(DAY_MS);
    }
    const known = await learned.known(systems.map((one) => one.id));
    const suppressesFor = (organization: string) => {
      const { id = "" } = systems.find((one) => one.organization === organization) ?? {};
      return suppress([change], known.get(id))[0]?.suppressedBy === "learned";
    };
    return { learned, clock, systems, suppressesFor, [Symbol.asyncDispose]: () => made[Symbol.asyncDispose]() };
  }

  test("holds for them and changes no other organization's view", async () => {
    await using taught = await teach({ chatty: 25, quiet: 4 }, { days: 5 });
    expect([taught.suppressesFor("chatty"), taught.suppressesFor("quiet")]).toEqual([true, false]);
    expect(await taught.learned.list()).toMatchObject([
      { path: place, organizations: 1, systems: 25, learned_by: 1, state: "learned" },
    ]);
    expect(await taught.learned.list("quiet")).toEqual([]);
  }, 240_000);

  test.each<[string, Record<string, number>, { days: number; times: number }, boolean]>([
    ["four days of three systems", { a: 3 }, { days: 4, times: 1 }, true],
    ["an afternoon, however often", { a: 25 }, { days: 1, times: 500 }, false],
    ["three days", { a: 25 }, { days: 3, times: 100 }, false],
    ["two systems, however long", { a: 2 }, { days: 14, times: 1 }, false],
    ["two systems each of many organizations", { a: 2, b: 2, c: 2, d: 2 }, { days: 7, times: 1 }, false],
  ])(
    "takes days and systems of its own: %s",
    async (_name, organizations, { days, times }, suppressed) => {
      await using taught = await teach(organizations, { days, times });
      expect(taught.suppressesFor("a")).toBe(suppressed);
    },
    240_000,
  );

  test.each<[string, Partial<ComparedChange>]>([
    ["a firewall's rules", judged({ firewall_stats: { firewall: { rules: { forward: 1 } } } })],
    ["a feature that is turned on or off", judged({ adblock: { enabled: 1 } })],
    ["an interface's address", judged({ network: { configuration: { "eth0.6": { props: { ipaddr: 1 } } } } })],
    ["what is high", { pointer, severity: "high" }],
    ["what is critical", { pointer, severity: "critical" }],
    ["a version", { pointer: "/facts/features/snort/version" }],
  ])(
    "never is %s",
    async (_name, facts) => {
      await using taught = await teach({ chatty: 25 }, { days: 6, change: aChange(facts) });
      expect(taught.suppressesFor("chatty")).toBe(false);
      expect(await taught.learned.list()).toEqual([]);
    },
    240_000,
  );

  test("is nothing where most systems change there once, as by a rollout, while three flap", async () => {
    await using flapping = await teach({ a: 7 }, { days: 5, changes: (number) => number < 3 });
    expect(flapping.suppressesFor("a")).toBe(true);
    await using rollout = await teach({ a: 7 }, { days: 5, changes: (number, day) => number < 3 || day === 1 });
    expect(rollout.suppressesFor("a")).toBe(false);
  }, 240_000);

  test("is forgotten within a week once it is quiet, and its days within a month", async () => {
    await using taught = await teach({ a: 5 }, { days: 7 });
    const { learned, clock, systems } = taught;
    const [id = ""] = systems.map((one) => one.id);
    const isLearned = async () => (await learned.known([id])).get(id)?.learned.has(place) ?? false;
    expect(await isLearned()).toBe(true);
    await clock.advance(3 * DAY_MS);
    await learned.learn();
    expect(await isLearned()).toBe(true);
    await clock.advance(4 * DAY_MS);
    await learned.learn();
    expect(await isLearned()).toBe(false);
    await clock.advance(40 * DAY_MS);
    await learned.learn();
    expect(await learned.list()).toEqual([]);
  }, 240_000);

  test("is known to every comparison, also to one that asks while another's question is under way", async () => {
    await using taught = await teach({ a: 5 }, { days: 5 });
    const { learned, systems } = taught;
    const [id = ""] = systems.map((one) => one.id);
    // At the very moment at which it goes on with what it was told.
    const isLearned = () => learned.known([id]).then((known) => known.get(id)?.learned.has(place) ?? false);
    for (let round = 0; round < 20; round++) {
      learned.forget();
      expect(await Promise.all(Array.from({ length: 4 }, isLearned))).toEqual([true, true, true, true]);
    }
  }, 240_000);

  test("is noted for each of its days, where one flush has the changes of several, as around midnight and in an import", async () => {
    await using made = await createTestDatabase();
    const learned = openTestNoise({ database: made.database, clock: testClock() });
    const id = Bun.randomUUIDv7();
    await insertSystems(made.database, [{ id, organization: "a" }]);
    const note = async (...days: string[]) => {
      for (const day of days) learned.observe(id, new Date(`${day}T00:00:00Z`), [aChange({ pointer })]);
      await learned.flush({ now: true });
      const [row] = await made.database.query<{ days: string; last_day: string }>(
        `select days::bit(32)::text as days, last_day::text from inventory_noise_days where system_id = $1`,
        [id],
      );
      return { last: row?.last_day, days: row?.days.replace(/^0+/, "") };
    };
    expect(await note("2026-03-01", "2026-03-02")).toEqual({ last: "2026-03-02", days: "11" });
    expect(await note("2026-03-05", "2026-03-04", "2026-03-02")).toEqual({ last: "2026-03-05", days: "11011" });
    // Late ones, one of them beyond what is kept.
    expect(await note("2026-02-28", "2026-03-03", "2025-12-01")).toEqual({ last: "2026-03-05", days: "111111" });
    expect(await note("2026-03-05", "2026-03-03")).toEqual({ last: "2026-03-05", days: "111111" });
  }, 60_000);

  test("cannot be multiplied without bound by what appliances name things", async () => {
    await using made = await createTestDatabase();
    const learned = openTestNoise({ database: made.database, clock: testClock() });
    const [id, other] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
    await insertSystems(
      made.database,
      [id, other].map((one) => ({ id: one, organization: "a" })),
    );
    for (let at = 0; at < 1_000; at++) {
      learned.observe(id, new Date(), [aChange({ pointer: `/facts/made-up-${at}` })]);
      if (at % 100 === 0) await learned.flush({ now: true });
    }
    learned.observe(
      other,
      new Date(),
      Array.from({ length: 5_000 }, (_, at) => aChange({ pointer: `/facts/x${at}` })),
    );
    learned.observe(Bun.randomUUIDv7(), new Date(), [aChange({ pointer })]);
    await learned.flush({ now: true });
    const rows = await made.database.query<{ count: number }>(
      `select count(*)::integer as count from inventory_noise_days group by system_id`,
    );
    expect(rows.map((row) => row.count)).toEqual([200, 200]);
  }, 240_000);
});

const DAY_MS = 86_400_000;

const aChange = (facts: Partial<ComparedChange>): ComparedChange => ({
  pointer: "/facts/features/x/count",
  fieldPath: "facts.features.x.count",
  elements: null,
  changeType: "update",
  category: "features",
  severity: "medium",
  significant: true,
  suppressible: true,
  suppressedBy: null,
  previousValue: "1",
  currentValue: "2",
  ...facts,
});

describe("pins on the real store", () => {
  let muster: TestApp;
  beforeAll(async () => {
    muster = await openTestApp();
  }, 240_000);
  afterAll(() => muster[Symbol.asyncDispose](), 60_000);

  const pin = (path: string, how: string | null) =>
    muster.admin("POST", "/api/admin/inventory/noise", { path, pin: how });

  test("another process sees what one has learned within a minute", async () => {
    await using other = await openTestApp({}, { url: muster.databaseUrl, database: muster.database });
    const { system_id: id } = await muster.addSystem("seen by two");
    const pinned = async () => (await other.app.api.noise.known([id])).get(id)?.pins.get("facts.timezone");
    expect(await pinned()).toBeUndefined();
    await pin("/facts/timezone", "fold");
    await other.clock.advance(60_000);
    expect(await pinned()).toBe("fold");
  }, 240_000);

  test("refuses what is no path or no pin, in words", async () => {
    expect((await pin('facts."half', "fold")).status).toBe(400);
    expect((await pin("/", "fold")).status).toBe(200);
    const answer = await pin("facts.timezone", "hide");
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("pin");
  }, 240_000);
});

describe("what is learned", () => {
  const known = (pointer: string, pin?: "fold" | "show"): Known => ({
    pins: new Map(pin ? [[noisePath(pointer) ?? "", pin]] : []),
    learned: new Map([[noisePath(pointer) ?? "", 0.9]]),
  });

  test.each([
    ["a number that always moves", aChange({}), true],
    ["a critical delete", aChange({ changeType: "delete", severity: "critical" }), false],
    ["what is high", aChange({ severity: "high" }), false],
    ["a version", aChange({ pointer: "/facts/modules/3/version" }), false],
    ["a kernel", aChange({ pointer: "/facts/nodes/1/kernel_version", severity: "low" }), false],
    ["what a rule shows always", aChange({ suppressible: false }), false],
    ["an element that came and is of no importance", aChange({ changeType: "create", severity: "low" }), true],
  ])("suppresses %s or leaves it: %#", (_name, given, suppressed) => {
    const [judged] = suppress([given], known(given.pointer));
    expect(judged).toMatchObject({ significant: !suppressed, suppressedBy: suppressed ? "learned" : null });
  });

  test("gives way to pins, and nothing gives way to a part that was not collected", () => {
    const given = aChange({});
    expect(suppress([given], known(given.pointer, "show"))).toEqual([given]);
    const critical = aChange({ severity: "critical" });
    expect(suppress([critical], known(critical.pointer, "fold"))[0]?.suppressedBy).toBe("pinned");
    const partial = aChange({ significant: false, suppressedBy: "partial" });
    expect(suppress([partial], known(partial.pointer, "show"))).toEqual([partial]);
    const ruled = aChange({ significant: false, suppressedBy: "rule" });
    expect(suppress([ruled], known(ruled.pointer, "show"))[0]).toMatchObject({ significant: true, suppressedBy: null });
  });
});

describe("a place over the fleet", () => {
  test.each([
    ["/facts/nodes/1/memory/system/used_bytes", "facts.nodes.*.memory.system.used_bytes"],
    ["/facts/modules/17/version", "facts.modules.[].version"],
    ["/facts/mountpoints/~1mnt~1data/used_bytes", "facts.mountpoints.*.used_bytes"],
    [
      "/facts/features/network/configuration/eth0.6/props/ipaddr",
      "facts.features.network.configuration.*.props.ipaddr",
    ],
    ["/facts/features/database_stats/ad.example.it/users", "facts.features.database_stats.*.users"],
    [
      "/facts/modules/3/nethvoice_physical_devices_by_model/NP X5",
      "facts.modules.[].nethvoice_physical_devices_by_model.*",
    ],
    ["/facts/modules/0/name_module_map/mail.x.it", "facts.modules.[].name_module_map.*"],
    ["/facts/cluster/admins/2fa", "facts.cluster.admins.2fa"],
    ["/facts/things/Typed by hand/x", "facts.things.*.x"],
    ["/facts/sessions/3f2a9c0de1/x", "facts.sessions.*.x"],
    [`/${"a/".repeat(40)}z`, "a.".repeat(12).slice(0, -1)],
  ])("of %s is %s", (pointer, path) => {
    expect(noisePath(pointer)).toBe(path);
    expect(generalize(path.split("."))).toBe(path);
  });
});

test("the command line lists places and pins them", async () => {
  await using made = await createTestDatabase();
  const options = { env: { DATABASE_URL: made.url, DATA_DIR: "/nonexistent" } };
  expect((await runMuster(["inventory", "noise"], options)).stdout).toContain("No place changed within two weeks");
  const pin = ["inventory", "noise", "pin", "/facts/nodes/1/uptime_seconds"];
  expect(await runJson([...pin, "--show"], options)).toMatchObject({
    path: "facts.nodes.*.uptime_seconds",
    pin: "show",
  });
  expect((await runMuster(["inventory", "noise"], options)).stdout).toContain(
    "pinned: show  facts.nodes.*.uptime_seconds",
  );
  expect(await runMuster(pin, options)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--suppress or --show"),
  });
  // The former flag, beside the new one; answers keep the former word.
  expect(await runJson([...pin, "--fold"], options)).toMatchObject({ pin: "fold" });
  expect(await runJson([...pin, "--suppress"], options)).toMatchObject({ pin: "fold" });
  for (const command of [
    ["inventory", "noise"],
    [...pin, "--suppress"],
  ])
    expect((await runMuster(command, options)).stdout).toContain("pinned: suppress");
  const unpin = ["inventory", "noise", "unpin", "facts.nodes.*.uptime_seconds"];
  expect(await runJson(unpin, options)).toMatchObject({ pin: null, state: "watched" });
}, 240_000);
