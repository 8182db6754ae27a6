// Checks findings by their verbs: raised once, resolved once, accepted, aged, deleted, and those of each domain apart.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { open } from "../../../src/domains/findings/index.ts";
import type { ConditionFinding, Findings } from "../../../src/domains/findings/index.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import type { Alert } from "../compliance/fixture.ts";

const DAY_MS = 86_400_000;
const KINDS = ["version", "advisory"] as const;

let muster: TestApp;
let findings: Findings;
beforeAll(async () => {
  muster = await openTestApp();
  const show = () => Promise.reject(new Error("operators ask by the routes"));
  findings = open({ database: muster.database, clock: muster.clock, api: { systems: { show } } }).api;
}, 60_000);
afterAll(() => muster[Symbol.asyncDispose]());

const now = () => muster.clock.now();

const outdated = (systemId: string, message = "nsec 8.5.0 is behind"): ConditionFinding => ({
  systemId,
  kind: "version",
  cause: "nsec",
  severity: "high",
  message,
});
const affected = (systemId: string): ConditionFinding => ({
  systemId,
  kind: "advisory",
  cause: "CVE-1 nsec",
  severity: "critical",
  message: "CVE-1",
});

const reconcile = (systemId: string, wanted: ConditionFinding[], kinds: readonly ("version" | "advisory")[] = KINDS) =>
  findings.reconcile(muster.database, { kinds, systemIds: [systemId], wanted }, now());

/** A change of the place that the system sent at this time. Returns its id and its record's. */
async function addChange(systemId: string, place: string, at: Date, values = ["1", "2"]) {
  const [diffId, recordId, before] = [Bun.randomUUIDv7(), Bun.randomUUIDv7(), Bun.randomUUIDv7()];
  await muster.database.query(
    `insert into inventory_diffs (id, system_id, record_id, previous_record_id, position, pointer, field_path, change_type, category,
       severity, significant, previous_value, current_value, detected_at)
     values ($1, $2, $3, $4, 0, '/' || $5, $5, 'update', 'modules', 'high', true, to_json($6::text), to_json($7::text), $8)`,
    [diffId, systemId, recordId, before, place, values[0], values[1], at],
  );
  return { diffId, recordId };
}

const raiseChange = (systemId: string, diffId: string, message = "modules: a changed") =>
  findings.raiseChanges(muster.database, [{ systemId, diffId, message, severity: "high" }], now());

async function listed(system: string, open?: boolean): Promise<Alert[]> {
  const query = `system=${system}&limit=1000${open === undefined ? "" : `&open=${open}`}`;
  const { status, body } = await muster.admin<{ alerts: Alert[] }>("GET", `/api/admin/inventory/alerts?${query}`);
  expect(status).toBe(200);
  return body.data.alerts;
}

/** An operator's "I know". */
const acknowledge = async (id: string) =>
  (await muster.admin<Alert>("POST", `/api/admin/inventory/alerts/${id}/resolve`)).body.data;

const openOf = async (system: string) => (await listed(system, true)).map((one) => one.cause).sort();
const backupAlerts = (systemId: string, open: boolean) =>
  findings.backups.list(muster.database, { systemId, open, limit: 100 });

async function only(system: string) {
  const [one, ...others] = await listed(system);
  if (!one || others.length > 0) throw new Error(`${others.length + 1} findings where there is one`);
  return one;
}

describe("raising", () => {
  test("a condition twice is one finding, with the newer words", async () => {
    const { system_id: id } = await muster.addSystem();
    await reconcile(id, [outdated(id)]);
    const first = await only(id);
    await muster.clock.advance(60_000);
    await reconcile(id, [outdated(id, "nsec 8.5.1 is behind")]);
    expect(await only(id)).toEqual({ ...first, message: "nsec 8.5.1 is behind" });
  });

  test("a change twice is one finding, and a change that was counted is not raised again after it was resolved", async () => {
    const { system_id: id } = await muster.addSystem();
    const { diffId } = await addChange(id, "facts.a", now());
    await raiseChange(id, diffId);
    await raiseChange(id, diffId);
    const { id: findingId } = await only(id);
    await acknowledge(findingId);
    await raiseChange(id, diffId);
    expect(await only(id)).toMatchObject({ id: findingId, resolution: "operator" });
  });

  test("a later change of a place goes into its finding, an earlier one does not", async () => {
    const { system_id: id } = await muster.addSystem();
    const [early, middle, late] = [1, 2, 3].map((minutes) => new Date(now().getTime() + minutes * 60_000));
    if (!early || !middle || !late) throw new Error("three times");
    for (const [at, message] of [
      [middle, "middle"],
      [late, "late"],
      [early, "early"],
    ] as const)
      await raiseChange(id, (await addChange(id, "facts.a", at)).diffId, message);
    expect(await only(id)).toMatchObject({ message: "late", seen_at: late.toISOString(), severity: "high" });
  });

  test("the same about a backup twice is one alert, with the newer words; about another backup it is another", async () => {
    const { system_id: systemId } = await muster.addSystem();
    const about = { systemId, backupId: Bun.randomUUIDv7(), cause: "damaged" as const };
    for (const message of ["first", "second"])
      await findings.backups.raise(muster.database, { ...about, message }, now());
    expect(await backupAlerts(systemId, false)).toMatchObject([{ message: "second", resolved_at: null }]);
    await findings.backups.raise(muster.database, { ...about, backupId: Bun.randomUUIDv7(), message: "third" }, now());
    expect(await backupAlerts(systemId, true)).toHaveLength(2);
  });

  test("rolls back with the caller's transaction", async () => {
    const { system_id: id } = await muster.addSystem();
    const { diffId } = await addChange(id, "facts.a", now());
    const failed = muster.database.transaction(async (tx) => {
      await findings.reconcile(tx, { kinds: KINDS, systemIds: [id], wanted: [outdated(id)] }, now());
      await findings.raiseChanges(tx, [{ systemId: id, diffId, message: "", severity: "high" }], now());
      await findings.backups.raise(tx, { systemId: id, backupId: null, cause: "stale", message: "" }, now());
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await listed(id)).toEqual([]);
    expect(await backupAlerts(id, false)).toEqual([]);
  });
});

describe("resolving", () => {
  test("what is not open changes nothing", async () => {
    const { system_id: id } = await muster.addSystem();
    await reconcile(id, [outdated(id)]);
    await muster.clock.advance(1_000);
    await reconcile(id, []);
    const resolved = await only(id);
    expect(resolved).toMatchObject({ is_resolved: true, resolution: "cause_gone", resolved_at: now().toISOString() });
    await muster.clock.advance(1_000);
    await reconcile(id, []);
    await acknowledge(resolved.id);
    await findings.resolveUnregistered(muster.database, now());
    expect(await only(id)).toEqual(resolved);
  });

  test("a backup's alert again, or one of another backup, changes nothing", async () => {
    const { system_id: systemId } = await muster.addSystem();
    const [backupId, other] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
    await findings.backups.raise(muster.database, { systemId, backupId, cause: "lost", message: "" }, now());
    const resolve = (about: string | null) =>
      findings.backups.resolve(muster.database, { systemId, backupId: about, causes: ["lost", "damaged"] }, now());
    await resolve(other);
    await resolve(null);
    expect(await backupAlerts(systemId, true)).toHaveLength(1);
    await resolve(backupId);
    const resolved = await backupAlerts(systemId, false);
    await muster.clock.advance(1_000);
    await resolve(backupId);
    expect(await backupAlerts(systemId, false)).toEqual(resolved);
    expect(await findings.backups.listOpenOf(muster.database, backupId)).toEqual([]);
  });

  test("a condition that comes back is a new finding", async () => {
    const { system_id: id } = await muster.addSystem();
    for (const wanted of [[outdated(id)], [], [outdated(id)]]) await reconcile(id, wanted);
    expect((await listed(id)).map((one) => one.is_resolved).sort()).toEqual([false, true]);
  });
});

describe("what an operator accepted", () => {
  test("is not raised again while its cause lasts, and is after the cause was gone", async () => {
    const { system_id: id } = await muster.addSystem();
    await reconcile(id, [outdated(id)]);
    const { id: findingId } = await only(id);
    const accepted = await acknowledge(findingId);
    expect(accepted).toMatchObject({ is_resolved: true, resolution: "accepted", resolved_at: now().toISOString() });
    await muster.clock.advance(1_000);
    await reconcile(id, [outdated(id, "other words")]);
    expect(await only(id)).toEqual(accepted);
    await reconcile(id, []);
    expect(await only(id)).toEqual({ ...accepted, resolution: "operator" });
    await reconcile(id, [outdated(id)]);
    expect(await openOf(id)).toEqual(["nsec"]);
  });

  test("outlives retention, unlike what was resolved", async () => {
    const { system_id: id } = await muster.addSystem();
    await reconcile(id, [outdated(id), affected(id)]);
    const accepted = (await listed(id)).find((one) => one.alert_type === "advisory");
    await acknowledge(accepted?.id ?? "");
    await reconcile(id, [affected(id)]);
    await muster.clock.advance(29 * DAY_MS);
    const before = await findings.countExpired(muster.database, now());
    await muster.clock.advance(2 * DAY_MS);
    expect(await findings.countExpired(muster.database, now())).toBeGreaterThan(before);
    expect(await findings.deleteExpired(muster.database, now())).toBeGreaterThan(0);
    expect(await only(id)).toMatchObject({ alert_type: "advisory", resolution: "accepted" });
  });
});

describe("ageing", () => {
  test("resolves an event that was last seen so many days ago, by its kind, and no condition", async () => {
    const { system_id: id } = await muster.addSystem();
    const registered = now();
    const { diffId } = await addChange(id, "facts.a", now());
    await raiseChange(id, diffId);
    await reconcile(id, [outdated(id)]);
    await findings.raiseRegistrations(muster.database, { since: registered, severity: "low" }, now());
    const days = { change: 30, new_system: 7 };
    const kinds = async () => (await listed(id, true)).map((one) => one.alert_type).sort();
    await muster.clock.advance(7 * DAY_MS);
    await findings.ageEvents(muster.database, days, now());
    expect(await kinds()).toEqual(["change", "new_system", "version"]);
    await muster.clock.advance(1_000);
    await findings.ageEvents(muster.database, days, now());
    expect(await kinds()).toEqual(["change", "version"]);
    // Seen again: its days begin anew.
    await raiseChange(id, (await addChange(id, "facts.a", now(), ["2", "3"])).diffId);
    await muster.clock.advance(30 * DAY_MS);
    await findings.ageEvents(muster.database, days, now());
    expect(await kinds()).toEqual(["change", "version"]);
    await muster.clock.advance(1_000);
    await findings.ageEvents(muster.database, days, now());
    expect(await kinds()).toEqual(["version"]);
    expect((await listed(id, false)).map((one) => [one.alert_type, one.resolution])).toEqual([
      ["new_system", "age"],
      ["change", "age"],
    ]);
  });

  test("takes on more than one statement's rows", async () => {
    const { system_id: id } = await muster.addSystem();
    const wanted = 2_500;
    await muster.database.query(
      `insert into inventory_alerts (id, system_id, alert_type, cause, message, severity, created_at)
       select gen_random_uuid(), $1, 'change', n::text, '', 'low', $2 from generate_series(1, $3::integer) n`,
      [id, now(), wanted],
    );
    await muster.clock.advance(DAY_MS + 1);
    await findings.ageEvents(muster.database, { change: 1, new_system: 1 }, now());
    expect(await openOf(id)).toEqual([]);
    await muster.clock.advance(31 * DAY_MS);
    expect(await findings.deleteExpired(muster.database, now())).toBeGreaterThanOrEqual(wanted);
    expect(await listed(id)).toEqual([]);
  }, 30_000);
});

describe("findings of several domains on one system", () => {
  test("are resolved by their own domain alone", async () => {
    const { system_id: id } = await muster.addSystem();
    const registered = now();
    const { diffId } = await addChange(id, "facts.a", now());
    await raiseChange(id, diffId);
    await findings.raiseRegistrations(muster.database, { since: registered, severity: "low" }, now());
    await reconcile(id, [outdated(id)], ["version"]);
    await reconcile(id, [affected(id)], ["advisory"]);
    await findings.backups.raise(muster.database, { systemId: id, backupId: null, cause: "stale", message: "" }, now());
    const all = async () => ({
      findings: (await listed(id, true)).map((one) => one.alert_type).sort(),
      backups: (await backupAlerts(id, true)).length,
    });
    expect(await all()).toEqual({ findings: ["advisory", "change", "new_system", "version"], backups: 1 });

    await reconcile(id, [], ["version"]);
    expect(await all()).toEqual({ findings: ["advisory", "change", "new_system"], backups: 1 });
    await findings.backups.resolve(muster.database, { systemId: id, backupId: null, causes: ["stale"] }, now());
    expect(await all()).toEqual({ findings: ["advisory", "change", "new_system"], backups: 0 });
    const back = await addChange(id, "facts.a", new Date(now().getTime() + 1_000), ["2", "1"]);
    await findings.resolveReturned(muster.database, [back.recordId], now());
    expect(await all()).toEqual({ findings: ["advisory", "new_system"], backups: 0 });
    await muster.database.query("update systems set registered_at = null where id = $1", [id]);
    await findings.resolveUnregistered(muster.database, now());
    expect(await all()).toEqual({ findings: ["advisory"], backups: 0 });
    await reconcile(id, []);
    expect(await all()).toEqual({ findings: [], backups: 0 });
  });

  test("one cause in two kinds is two findings, and one system's are not another's", async () => {
    const [one, two] = [(await muster.addSystem()).system_id, (await muster.addSystem()).system_id];
    const both = (id: string) => [outdated(id), { ...affected(id), cause: "nsec" }];
    await findings.reconcile(
      muster.database,
      { kinds: KINDS, systemIds: [one, two], wanted: [...both(one), ...both(two)] },
      now(),
    );
    await reconcile(one, []);
    expect([await openOf(one), await openOf(two)]).toEqual([[], ["nsec", "nsec"]]);
  });
});
