// Noise that teaches itself: on generated fleets, on the real store, and against those who would misuse it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BUILTIN_RULES } from "../../../src/domains/inventory/builtin-rules.ts";
import { compareTexts } from "../../../src/domains/inventory/compare.ts";
import type { ComparedChange } from "../../../src/domains/inventory/compare.ts";
import { fold, openLearned } from "../../../src/domains/inventory/learned.ts";
import { addCounts, isLearned, noCounts, openTally } from "../../../src/domains/inventory/learned-counts.ts";
import { generalise, noisePath } from "../../../src/domains/inventory/learned-path.ts";
import { addPlace, findPlaces, noPlaces } from "../../../src/domains/inventory/learned-places.ts";
import type { JsonObject } from "../../../src/domains/inventory/json.ts";
import { openRules } from "../../../src/domains/inventory/rules.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import { testClock } from "../../support/clock.ts";
import { makeFleet, placeOf } from "../../support/fleet.ts";
import { isTrue, readHistory } from "../../support/history.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { runJson, runMuster } from "../../support/program.ts";
import { cpuOf } from "../../support/cpu.ts";

const SYSTEMS = 200;
const STEPS = 30;
/** Inventories of each system that Muster may learn from before it is judged; three a day are two days. */
const LEARNING_STEPS = 6;
const STEP_MS = 8 * 3_600_000;

describe("a fleet of 200 systems over 30 inventories each", () => {
  test("has 99 % of its noise folded once learned, and not one event", async () => {
    await using made = await createTestDatabase();
    const clock = testClock();
    const learned = openLearned({ database: made.database, clock });
    const rules = openRules(BUILTIN_RULES);
    const fleet = makeFleet(20_260_101, SYSTEMS).map((member) => ({
      ...member,
      document: member.appliance.next().document,
    }));
    const tally = { noise: 0, folded: 0, foldedByRules: 0, events: 0 };
    const lostEvents: string[] = [];
    const unlabelled: string[] = [];
    for (let step = 1; step < STEPS; step++) {
      await clock.advance(STEP_MS);
      const known = await learned.known();
      for (const member of fleet) {
        const { document, changes } = member.appliance.next();
        const labels = new Map(changes.map((change) => [change.place, change.label]));
        const compared = compareTexts(
          JSON.stringify(member.document),
          JSON.stringify(document),
          rules,
          learned.places(),
        );
        const judged = fold(compared.changes, known);
        learned.observe(member.id, judged, compared.present);
        for (const change of judged) {
          const place = placeOf(change, member.document, document);
          const label = labels.get(place);
          if (label === undefined) unlabelled.push(place);
          if (label === "event") {
            tally.events += 1;
            if (!change.significant) lostEvents.push(`${place} ${change.changeType} ${change.folded}`);
          } else if (step > LEARNING_STEPS) {
            tally.noise += 1;
            if (!change.significant) tally.folded += 1;
            if (change.folded === "rule") tally.foldedByRules += 1;
          }
        }
        member.document = document;
      }
      await learned.flush({ now: true });
    }
    expect(unlabelled).toEqual([]);
    expect(lostEvents).toEqual([]);
    expect(tally.events).toBeGreaterThan(2_000);
    // What the rules do not know must be a good part, or nothing was learned here.
    expect(tally.noise - tally.foldedByRules).toBeGreaterThan(5_000);
    expect(tally.folded / tally.noise).toBeGreaterThanOrEqual(0.99);
  }, 60_000);
});

describe("a fleet on the real store", () => {
  let muster: TestApp;
  beforeAll(async () => {
    muster = await openTestApp();
  });
  afterAll(() => muster[Symbol.asyncDispose]());

  const list = async () =>
    (await muster.admin<{ paths: NoisePath[] }>("GET", "/api/admin/inventory/noise")).body.data.paths;
  const pin = (path: string, how: string | null) =>
    muster.admin("POST", "/api/admin/inventory/noise", { path, pin: how });
  const changesOf = async (key: string, query = "") =>
    (await muster.admin<{ changes: Row[] }>("GET", `/api/admin/systems/${key}/inventory/changes?limit=1000${query}`))
      .body.data.changes;

  test("learns, says so in the changes, obeys pins, and its chains stay true", async () => {
    const fleet = await Promise.all(
      makeFleet(77, 24, "nsec").map(async ({ appliance }, number) => ({
        appliance,
        system: await muster.addSystem(`fleet ${number}`),
      })),
    );
    const step = async () => {
      for (const { appliance, system } of fleet) {
        const body = JSON.stringify(appliance.next().document);
        const { authorization } = system;
        const { status } = await muster.request("POST", "/api/systems/inventory", { authorization, body });
        expect(status).toBe(200);
      }
      await muster.app.runner.drain();
      await muster.clock.advance(STEP_MS);
    };
    const key = fleet[0]?.system.system_key ?? "";
    const newest = async () => {
      const rows = await changesOf(key);
      return rows.filter((row) => row.record_id === rows[0]?.record_id);
    };
    const place = "facts.features.firewall_stats.conntrack_entries";
    const rowOf = async (path: string) => (await newest()).find((row) => row.noise_path === path);

    await step();
    await step();
    expect(await rowOf(place)).toMatchObject({ significant: true, folded: null });
    for (let steps = 0; steps < 12; steps++) await step();
    expect(await rowOf(place)).toMatchObject({ significant: false, folded: "learned", rate: 1 });
    expect((await list()).find(({ path }) => path === place)).toMatchObject({ rate: 1, state: "learned", systems: 24 });
    expect((await list()).length).toBeLessThan(100);

    expect((await pin(place, "show")).body.data).toMatchObject({ path: place, pin: "show", state: "pinned: show" });
    expect((await pin("facts.mountpoints.*.used_bytes", "show")).status).toBe(200);
    expect((await pin("facts.memory.system.used_bytes", "fold")).status).toBe(200);
    await step();
    expect(await rowOf(place)).toMatchObject({ significant: true, folded: null });
    expect(await rowOf("facts.mountpoints.*.used_bytes")).toMatchObject({ significant: true, folded: null });
    expect(await rowOf("facts.memory.system.used_bytes")).toMatchObject({ significant: false, folded: "pinned" });
    expect(await rowOf("facts.uptime_seconds")).toMatchObject({ significant: false, folded: "rule" });

    expect((await pin(place, null)).body.data).toMatchObject({ pin: null, state: "learned" });
    await step();
    expect(await rowOf(place)).toMatchObject({ significant: false, folded: "learned" });

    for (const { system } of fleet.slice(0, 6)) {
      const get = async (path: string) => {
        const { text } = await muster.admin("GET", path);
        return text.slice(text.indexOf('"data":') + 7, -1);
      };
      expect(isTrue(await readHistory(get, system.system_key))).toBe(true);
    }
  }, 60_000);

  test("another process sees what one has learned within a minute", async () => {
    await using other = await openTestApp({}, { url: muster.databaseUrl, database: muster.database });
    const known = () => other.app.inventory.noise.known();
    expect((await known()).get("facts.timezone")).toBeUndefined();
    await pin("/facts/timezone", "fold");
    await other.clock.advance(60_000);
    expect((await known()).get("facts.timezone")).toMatchObject({ pin: "fold" });
  });

  test("refuses what is no path or no pin, in words", async () => {
    expect((await pin('facts."half', "fold")).status).toBe(400);
    expect((await pin("/", "fold")).status).toBe(200);
    const answer = await pin("facts.timezone", "hide");
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("pin");
  });
});

interface NoisePath {
  path: string;
  rate: number;
  pin: string | null;
  state: string;
}

interface Row {
  record_id: string;
  field_path: string;
  noise_path: string | null;
  significant: boolean;
  folded: string | null;
  rate: number | null;
}

describe("what is learned", () => {
  const counts = (observed: number, changed: number, systems = 20, times = 3) => ({
    observed,
    changed,
    systems: Object.fromEntries(Array.from({ length: systems }, (_, at) => [String(at), times])),
  });

  test.each([
    ["changes in more than half of 200 snapshots", counts(200, 101), true],
    ["changes in just half", counts(200, 100), false],
    ["is too young", counts(199, 199), false],
    ["is a matter of 19 systems", counts(1000, 1000, 19), false],
    ["came once on every system, as a rollout does", counts(300, 300, 64, 1), false],
  ])("a place that %s: %#", (_name, given, learned) => {
    expect(isLearned(given, false)).toBe(learned);
  });

  test("is forgotten only well below the rate it was learned at", () => {
    expect(isLearned(counts(1000, 310), true)).toBe(true);
    expect(isLearned(counts(1000, 290), true)).toBe(false);
    expect(isLearned(counts(1000, 310), false)).toBe(false);
  });

  test("fades, so that a place that became quiet is forgotten in weeks and not in years", () => {
    let now = counts(10_000, 10_000);
    let snapshots = 0;
    for (; isLearned(now, true); snapshots += 1000) now = { ...addCounts(now, counts(1000, 0)), systems: now.systems };
    expect(snapshots).toBeLessThanOrEqual(15_000);
  });

  const change = (facts: Partial<ComparedChange>): ComparedChange => ({
    pointer: "/facts/features/x/count",
    fieldPath: "facts.features.x.count",
    changeType: "update",
    category: "features",
    severity: "medium",
    significant: true,
    folded: null,
    previousValue: "1",
    currentValue: "2",
    ...facts,
  });
  const known = (pointer: string, facts: { learned?: boolean; pin?: "fold" | "show" | null }) =>
    new Map([[noisePath(pointer) ?? "", { observed: 500, changed: 490, learned: true, pin: null, ...facts }]]);

  test.each([
    ["a number that always moves", change({}), true],
    ["a critical delete", change({ changeType: "delete", severity: "critical" }), false],
    ["a version", change({ pointer: "/facts/modules/3/version", severity: "high" }), false],
    ["a kernel", change({ pointer: "/facts/nodes/1/kernel_version", severity: "low" }), false],
    ["a module that came", change({ pointer: "/facts/modules/3", changeType: "create", severity: "high" }), false],
    ["an element that came and is of no importance", change({ changeType: "create", severity: "low" }), true],
  ])("folds %s or leaves it: %#", (_name, given, folded) => {
    const [judged] = fold([given], known(given.pointer, {}));
    expect(judged).toMatchObject({ significant: !folded, folded: folded ? "learned" : null });
  });

  test("gives way to pins, and nothing gives way to a part that was not collected", () => {
    const given = change({});
    expect(fold([given], known(given.pointer, { pin: "show" }))).toEqual([given]);
    expect(fold([given], known(given.pointer, { pin: "fold", learned: false }))[0]?.folded).toBe("pinned");
    const partial = change({ significant: false, folded: "partial" });
    expect(fold([partial], known(partial.pointer, { pin: "show" }))).toEqual([partial]);
    const ruled = change({ significant: false, folded: "rule" });
    expect(fold([ruled], known(ruled.pointer, { pin: "show" }))[0]).toMatchObject({ significant: true, folded: null });
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
    expect(generalise(path.split("."))).toBe(path);
  });

  test("is found where a document has it, whoever chose the keys between", () => {
    const places = noPlaces();
    for (const path of ["facts.nodes.*.uptime", "facts.modules.[].calls", "facts.modules.[].users", "facts.gone"])
      addPlace(places, path);
    const facts: JsonObject = {
      uptime: 1,
      nodes: { "7": { uptime: 1 } },
      modules: [{ id: "a" }, { id: "b", calls: 0 }],
    };
    expect([...findPlaces(places, { facts })].sort()).toEqual(["facts.modules.[].calls", "facts.nodes.*.uptime"]);
  });

  test("is looked for within limits: 200,000 keys cost little", async () => {
    const places = noPlaces();
    addPlace(places, "facts.nodes.*.uptime");
    const nodes = Object.fromEntries(Array.from({ length: 200_000 }, (_, at) => [`n${at}`, { other: 1 }]));
    const spentMs = await cpuOf(() => expect(findPlaces(places, { facts: { nodes } }).size).toBe(0));
    expect(spentMs).toBeLessThan(200);
  });

  test("cannot be multiplied without bound by what appliances name things", () => {
    const tally = openTally(2_000);
    for (let at = 0; at < 5_000; at++) tally.count(`system ${at}`, [`facts.made-up-${at}`], []);
    expect(tally.counts.size).toBe(2_000);
    const merged = [...tally.counts.values()].reduce(addCounts, noCounts());
    expect(Object.keys(merged.systems).length).toBeLessThanOrEqual(64);
  });
});

test("the command line lists places and pins them", async () => {
  await using made = await createTestDatabase();
  const options = { env: { DATABASE_URL: made.url, DATA_DIR: "/nonexistent" } };
  expect((await runMuster(["inventory", "noise"], options)).stdout).toContain("Nothing was learned yet");
  const pin = ["inventory", "noise", "pin", "/facts/nodes/1/uptime_seconds"];
  expect(await runJson([...pin, "--show"], options)).toMatchObject({
    path: "facts.nodes.*.uptime_seconds",
    pin: "show",
  });
  expect((await runMuster(["inventory", "noise"], options)).stdout).toContain(
    "pinned: show  facts.nodes.*.uptime_seconds",
  );
  expect(await runMuster(pin, options)).toMatchObject({ code: 2, stderr: expect.stringContaining("--fold or --show") });
  const unpin = ["inventory", "noise", "unpin", "facts.nodes.*.uptime_seconds"];
  expect(await runJson(unpin, options)).toMatchObject({ pin: null, state: "watched" });
}, 60_000);
