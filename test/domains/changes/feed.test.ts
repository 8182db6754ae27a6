// Checks the feed of changes: nothing skipped, nothing twice, whatever commits when.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openTestApp } from "../../support/app.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";
import { openServerApart } from "../../support/apart.ts";
import type { TestDatabase } from "../../support/postgres.ts";
import { firewall, sendInventory } from "../../support/facts.ts";
import { seeded } from "../../support/random.ts";
import { beginEpoch } from "../../../src/domains/changes/epoch.ts";
import { readFeed } from "../../../src/domains/changes/feed.ts";
import type { Queryable } from "../../../src/ports/database.ts";

interface Page {
  changes: { id: string; field_path: string; significant: boolean; current_value: unknown }[];
  next_cursor: string;
  more: boolean;
}

// The feed waits for every older transaction on the server, so the server is this file's own.
let createDatabase: () => Promise<TestDatabase>;
let made: TestDatabase;
let muster: TestApp;
let system: TestSystem;
beforeAll(async () => {
  createDatabase = await openServerApart();
  made = await createDatabase();
  muster = await openTestApp({ DATABASE_MAX_CONNS: "20" }, made);
  system = await muster.addSystem();
}, 180_000);
afterAll(async () => {
  await muster[Symbol.asyncDispose]();
  await made[Symbol.asyncDispose]();
}, 60_000);

const read = async (after: string, query = "") =>
  (await muster.admin<Page>("GET", `/api/admin/changes?limit=1000${after && `&after=${after}`}${query}`)).body.data;
const readOn = async (after: string) => {
  const { changes, next_cursor } = await read(after);
  return { names: changes.map((change) => change.field_path), next: next_cursor };
};

const insertChange = (tx: Queryable, name: string, significant = true) =>
  tx.query(
    `insert into inventory_diffs (id, system_id, record_id, previous_record_id, detected_at, position, pointer, field_path, change_type,
       category, severity, significant, current_value)
     values ($1, $2, gen_random_uuid(), gen_random_uuid(), now(), 0, '/x', $3, 'create', 'system', 'low', $4, '1')`,
    [Bun.randomUUIDv7(), system.system_id, name, significant],
  );

/** A transaction that has written and waits to be told how to end. */
async function openWriter(name: string) {
  const [wrote, end] = [Promise.withResolvers<void>(), Promise.withResolvers<"commit" | "abort">()];
  const done = muster.database
    .transaction(async (tx) => {
      await insertChange(tx, name);
      wrote.resolve();
      if ((await end.promise) === "abort") throw new Error("aborted");
    })
    .catch((error: Error) => {
      if (error.message !== "aborted") throw error;
    });
  await wrote.promise;
  return {
    finish: async (how: "commit" | "abort") => {
      end.resolve(how);
      await done;
    },
  };
}

test("shows changes that came through the pipeline, whole", async () => {
  await sendInventory(muster, system, firewall({ distro: { version: "8.6.0" }, big: 1 }));
  const start = (await readOn("")).next;
  await sendInventory(
    muster,
    system,
    `{"installation":"nethsecurity","facts":{"distro":{"version":"8.7.0"},"big":12345678901234567890}}`,
  );
  const { text, body } = await muster.admin<Page>("GET", `/api/admin/changes?after=${start}`);
  expect(text).toContain('"current_value":12345678901234567890');
  expect(body.data.changes).toHaveLength(2);
  expect(body.data.changes).toContainEqual({
    id: expect.any(String),
    system_id: system.system_id,
    system_key: system.system_key,
    record_id: expect.any(String),
    previous_record_id: expect.any(String),
    position: expect.any(Number),
    pointer: "/facts/distro/version",
    field_path: "facts.distro.version",
    elements: [],
    change_type: "update",
    category: "os",
    severity: "high",
    significant: true,
    value_bytes: 14,
    truncated: false,
    previous_value: "8.6.0",
    current_value: "8.7.0",
    detected_at: expect.stringMatching(/Z$/),
  } as never);
  expect((await readOn(body.data.next_cursor)).names).toEqual([]);
}, 60_000);

describe("transactions that commit in another order than they wrote in", () => {
  test("are shown when the oldest is over, and not before", async () => {
    const start = (await readOn("")).next;
    const first = await openWriter("first");
    const second = await openWriter("second");
    await second.finish("commit");
    const between = await readOn(start);
    expect(between.names).toEqual([]);
    await first.finish("commit");
    const after = await readOn(between.next);
    expect(after.names).toEqual(["first", "second"]);
    expect((await readOn(after.next)).names).toEqual([]);
  }, 60_000);

  test("are not held up by one that was rolled back", async () => {
    const start = (await readOn("")).next;
    const first = await openWriter("rolled back");
    const second = await openWriter("kept");
    await second.finish("commit");
    await first.finish("abort");
    expect((await readOn(start)).names).toEqual(["kept"]);
  }, 60_000);

  test("reach a reader that polls all the time once each", async () => {
    const random = seeded(3);
    let { next } = await readOn("");
    const seen: string[] = [];
    const expected = new Set<string>();
    const open: { name: string; finish(how: "commit" | "abort"): Promise<void> }[] = [];
    for (let step = 0; step < 150; step++) {
      if (open.length < 8 && random.next() < 0.55) open.push({ name: `w${step}`, ...(await openWriter(`w${step}`)) });
      else if (open.length > 0) {
        const [writer] = open.splice(random.int(open.length), 1);
        const how = random.next() < 0.2 ? "abort" : "commit";
        if (writer && how === "commit") expected.add(writer.name);
        await writer?.finish(how);
      }
      const page = await readOn(next);
      seen.push(...page.names);
      next = page.next;
    }
    for (const writer of open) {
      expected.add(writer.name);
      await writer.finish("commit");
    }
    seen.push(...(await readOn(next)).names);
    expect(seen.toSorted()).toEqual([...expected].toSorted());
  }, 60_000);
});

describe("a page", () => {
  test("goes on where the last one ended, in the same order for everybody", async () => {
    const start = (await readOn("")).next;
    await muster.database.transaction(async (tx) => {
      for (let at = 0; at < 25; at++) await insertChange(tx, `p${at}`);
    });
    const names: string[] = [];
    let page = { next_cursor: start, more: true } as Page;
    while (page.more) {
      page = (await muster.admin<Page>("GET", `/api/admin/changes?limit=10&after=${page.next_cursor}`)).body.data;
      names.push(...page.changes.map((change) => change.field_path));
    }
    expect(names).toEqual(Array.from({ length: 25 }, (_, at) => `p${at}`));
  }, 60_000);

  test("of significant changes alone passes over the others and need not look at them again", async () => {
    const start = (await readOn("")).next;
    await muster.database.transaction(async (tx) => {
      for (let at = 0; at < 12; at++) await insertChange(tx, `s${at}`, at % 4 === 0);
    });
    const page = await read(start, "&significant=true");
    expect(page.changes.map((change) => change.field_path)).toEqual(["s0", "s4", "s8"]);
    expect((await readOn(page.next_cursor)).names).toEqual([]);
    const none = await read(start, "&significant=false");
    expect(none.changes).toHaveLength(9);
  }, 60_000);

  test("refuses a cursor of another making", async () => {
    for (const after of [
      "x",
      btoa('["1","2","3"]'),
      btoa('["1","99999999999999999999","00000000-0000-0000-0000-000000000000"]'),
    ])
      expect((await muster.admin("GET", `/api/admin/changes?after=${after}`)).status).toBe(400);
  }, 60_000);
});

test("goes on after a restore into another server, where transactions are counted from the start again", async () => {
  await using own = await createDatabase();
  const ports = { LISTEN_ADDRESS: "127.0.0.1:0", HEALTH_LISTEN_ADDRESS: "127.0.0.1:0" };
  await using other = await openTestApp(ports, own);
  const restored = await other.addSystem();
  const add = (name: string, more = "") =>
    other.database.query(
      `insert into inventory_diffs (id, system_id, record_id, previous_record_id, detected_at, position, pointer, field_path, change_type,
         category, severity, significant ${more && ", feed_transaction"})
       values ($1, $2, gen_random_uuid(), gen_random_uuid(), now(), 0, '/x', $3, 'create', 'system', 'low', true ${more})`,
      [Bun.randomUUIDv7(), restored.system_id, name],
    );
  const page = async (after: string) =>
    (await other.admin<Page>("GET", `/api/admin/changes${after && `?after=${after}`}`)).body.data;
  const names = ({ changes }: Page) => changes.map((change) => change.field_path);
  // As a dump brings it: rows and an epoch of a server that had counted much further.
  await add("old", ", '900000000000'::xid8");
  await other.database.query(`insert into feed_epochs (epoch, server) values (1, 'another server')`);
  expect(names(await page(""))).toEqual([]);
  await other.app.start();
  await add("new");
  const first = await page("");
  expect(names(first)).toEqual(["old", "new"]);
  await add("newer");
  expect(names(await page(first.next_cursor))).toEqual(["newer"]);
  expect(await other.database.query("select epoch from feed_epochs order by epoch")).toEqual([
    { epoch: 1 },
    { epoch: 2 },
  ]);
}, 60_000);

test("goes on after a restore into a server that cannot be told from the one before, by the transactions it has not reached", async () => {
  await using other = await createDatabase();
  const insert = (name: string, epoch: string, transaction: string) =>
    other.database.query(
      `insert into inventory_diffs (id, system_id, record_id, previous_record_id, detected_at, position, pointer, field_path, change_type,
         category, severity, significant, feed_epoch, feed_transaction)
       select $1, s.id, gen_random_uuid(), gen_random_uuid(), now(), 0, '/x', $2, 'create', 'system', 'low', true, ${epoch}, ${transaction}
       from systems s`,
      [Bun.randomUUIDv7(), name],
    );
  const epochs = async () =>
    (await other.database.query<{ epoch: number }>("select epoch from feed_epochs order by 1")).map((row) => row.epoch);
  await other.database.query(
    `insert into systems (id, name, organization_id, system_key, created_at) values (gen_random_uuid(), 'a', 'acme', 'NOC-1', now())`,
  );
  await beginEpoch(other.database);
  await insert("own", "feed_epoch()", "pg_current_xact_id()");
  await beginEpoch(other.database);
  expect(await epochs()).toEqual([1]);
  // As a dump brings it where nobody may ask for the server's name: the epoch bears the same name, and its rows are far ahead.
  await insert("restored", "1", "'900000000000'::xid8");
  await beginEpoch(other.database);
  expect(await epochs()).toEqual([1, 2]);
  await beginEpoch(other.database);
  expect(await epochs()).toEqual([1, 2]);
  await insert("new", "feed_epoch()", "pg_current_xact_id()");
  const { changes } = await readFeed(other.database, { limit: 100 });
  expect(changes.map((change) => change.field_path)).toEqual(["own", "restored", "new"]);
}, 60_000);

describe("an epoch", () => {
  /** As if the last one had begun on another server. */
  const moveServer = () => muster.database.query(`update feed_epochs set server = 'another server'`);
  const epochs = async () =>
    (await muster.database.query<{ epoch: number }>("select epoch from feed_epochs order by epoch")).map(
      (row) => row.epoch,
    );
  const waitersForChanges = async () =>
    (await muster.database.query(`select 1 from pg_locks where relation = 'inventory_diffs'::regclass and not granted`))
      .length;

  test("begins when the writers of the last one are done, and has the changes that waited for it", async () => {
    await beginEpoch(muster.database);
    const start = (await readOn("")).next;
    const early = await openWriter("early");
    await moveServer();
    const begun = beginEpoch(muster.database);
    while ((await waitersForChanges()) < 1) await Bun.sleep(5);
    const late = muster.database.transaction((tx) => insertChange(tx, "late"));
    while ((await waitersForChanges()) < 2) await Bun.sleep(5);
    const between = await readOn(start);
    expect(between.names).toEqual([]);
    await early.finish("commit");
    await Promise.all([begun, late]);
    const [last] = (await epochs()).slice(-1);
    const found = await muster.database.query<{ name: string; epoch: number }>(
      `select field_path as name, feed_epoch as epoch from inventory_diffs where field_path in ('early', 'late') order by 1`,
    );
    expect(found).toEqual([
      { name: "early", epoch: (last ?? 0) - 1 },
      { name: "late", epoch: last ?? 0 },
    ]);
    expect((await readOn(between.next)).names).toEqual(["early", "late"]);
  }, 60_000);

  test("begins once when several gateways start at the same time, and not again on the same server", async () => {
    await moveServer();
    const before = await epochs();
    await Promise.all(Array.from({ length: 4 }, () => beginEpoch(muster.database)));
    expect(await epochs()).toEqual([...before, (before.at(-1) ?? 0) + 1]);
    await beginEpoch(muster.database);
    expect(await epochs()).toHaveLength(before.length + 1);
    // No gateway alters a table while it runs.
    const [column] = await muster.database.query<{ value: string }>(
      `select column_default as value from information_schema.columns where table_name = 'inventory_diffs' and column_name = 'feed_epoch'`,
    );
    expect(column?.value).toBe("feed_epoch()");
  }, 60_000);

  test("is that of changes which come through the pipeline", async () => {
    await moveServer();
    await beginEpoch(muster.database);
    await sendInventory(muster, system, firewall({ distro: { version: "9.0.0" } }));
    await sendInventory(muster, system, firewall({ distro: { version: "9.1.0" } }));
    const [row] = await muster.database.query<{ epoch: number }>(
      `select feed_epoch as epoch from inventory_diffs where current_value::text = '"9.1.0"'`,
    );
    expect(row?.epoch).toBe((await epochs()).at(-1) ?? 0);
  }, 60_000);
});
