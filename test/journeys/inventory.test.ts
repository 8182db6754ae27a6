// An appliance's life with its inventories, over HTTP: from the secret it was given to the list of what changed on it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { basic, openTestApp } from "../support/app.ts";
import type { Answer, TestApp, TestSystem } from "../support/app.ts";

interface Change {
  record_id: string;
  pointer: string;
  change_type: string;
  severity: string;
  category: string;
  significant: boolean;
  previous_value: unknown;
  current_value: unknown;
}
interface Record {
  id: string;
  received_at: string;
  last_seen_at: string;
  data_size: number;
}

const FIXTURES = join(import.meta.dir, "../support/fixtures/inventories");
const HOUR_MS = 3_600_000;

describe.each(["ns8", "nsec"])("an appliance of kind %s", (kind) => {
  let muster: TestApp;
  let system: TestSystem;
  let first: string;
  let later: string;
  beforeAll(async () => {
    muster = await openTestApp();
    system = await muster.addSystem("Branch 12", { registered: false });
    first = await Bun.file(join(FIXTURES, `${kind}-inventory.json`)).text();
    later = await Bun.file(join(FIXTURES, `${kind}-inventory-after-30-steps.json`)).text();
  }, 60_000);
  afterAll(() => muster[Symbol.asyncDispose](), 60_000);

  const post = (body: string | Uint8Array<ArrayBuffer>, headers: { [name: string]: string } = {}) =>
    muster.request("POST", "/collect/api/systems/inventory", {
      authorization: basic(system.system_key, system.system_secret),
      headers: { "content-type": "application/json", ...headers },
      body,
    });
  const read = async <Data>(path: string): Promise<Data> => {
    const answer: Answer<Data> = await muster.admin("GET", `/api/admin/systems/${system.system_key}${path}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.body.data;
  };
  const settle = async () => {
    await muster.app.runner.drain();
    await muster.clock.advance(HOUR_MS);
  };

  test("is turned away until it has registered", async () => {
    const refused = await post(first);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toStartWith("Basic");
    const body = JSON.stringify({ system_secret: system.system_secret });
    const registered = await muster.request("POST", "/backend/api/systems/register", { body });
    expect(registered.body.data).toMatchObject({ system_key: system.system_key });
  }, 60_000);

  test("posts its first inventory, which there is nothing to compare with", async () => {
    const { status, body } = await post(first);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      code: 200,
      message: "Inventory received and queued for processing",
      data: {
        system_id: system.system_id,
        data_size: Buffer.byteLength(first),
        queue_status: "queued",
        changes_detected: true,
      },
    });
    await settle();
    const { inventory } = await read<{ inventory: unknown }>("/inventory/latest");
    expect(inventory).toEqual(JSON.parse(first));
    expect((await read<{ changes: Change[] }>("/inventory/changes")).changes).toEqual([]);
    expect(await read("")).toMatchObject({ last_inventory_at: expect.any(String), version: expect.any(String) });
  }, 60_000);

  test("sends it again, keys in another order, gzipped: no new record, no change", async () => {
    const reordered = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(first)).reverse()));
    const again = await post(Bun.gzipSync(reordered), { "content-encoding": "gzip" });
    expect(again.body.data).toMatchObject({ changes_detected: false, data_size: Buffer.byteLength(reordered) });
    await settle();
    const { records } = await read<{ records: Record[] }>("/inventory/history");
    expect(records).toHaveLength(1);
    expect(Date.parse(records[0]?.last_seen_at ?? "")).toBe(Date.parse(records[0]?.received_at ?? "") + HOUR_MS);
  }, 60_000);

  test("posts one that differs, and the operator reads what changed, newest first", async () => {
    expect((await post(later)).body.data).toMatchObject({ changes_detected: true });
    await settle();
    const { records } = await read<{ records: Record[] }>("/inventory/history");
    expect(records.map((record) => record.data_size)).toEqual([later, first].map((text) => Buffer.byteLength(text)));
    const { changes } = await read<{ changes: Change[] }>("/inventory/changes?limit=1000");
    expect(changes.length).toBeGreaterThan(3);
    expect(new Set(changes.map((change) => change.record_id))).toEqual(new Set([records[0]?.id ?? ""]));
    for (const { change_type: type, pointer, previous_value: before, current_value: after } of changes) {
      // What is gone is found in the old document, everything else in the new one.
      const [value, document] = type === "delete" ? [before, first] : [after, later];
      expect(value, `${type} ${pointer}`).toEqual(valueAt(JSON.parse(document), pointer));
      if (type === "update") expect(JSON.stringify(before)).not.toBe(JSON.stringify(after));
    }
  }, 60_000);

  test("is found by its changes' severity, category and kind, and page by page the list is the same", async () => {
    const { changes: all } = await read<{ changes: Change[] }>("/inventory/changes?limit=1000");
    const [{ severity, category, change_type: type } = all[0] as Change] = all;
    const query = `severity=${severity}&category=${category}&change_type=${type}&limit=1000`;
    const { changes: some } = await read<{ changes: Change[] }>(`/inventory/changes?${query}`);
    expect(some).toEqual(
      all.filter((one) => one.severity === severity && one.category === category && one.change_type === type),
    );
    const paged: Change[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      interface Page {
        changes: Change[];
        next_cursor: string | null;
      }
      const page: Page = await read<Page>(`/inventory/changes?limit=7${cursor ? `&cursor=${cursor}` : ""}`);
      expect(page.changes.length).toBeLessThanOrEqual(7);
      paged.push(...page.changes);
      cursor = page.next_cursor;
    }
    expect(paged).toEqual(all);
  }, 60_000);

  test("has a day in the timeline, and any two of its records can be compared", async () => {
    const { groups } = await read<{ groups: { inventory_count: number; change_count: number }[] }>(
      "/inventory/timeline",
    );
    const { changes } = await read<{ changes: Change[] }>("/inventory/changes?limit=1000&significant=true");
    expect(groups.reduce((sum, group) => sum + group.change_count, 0)).toBe(changes.length);
    const { records } = await read<{ records: Record[] }>("/inventory/history");
    const [newer, older] = records;
    const compared = await read<{ changes: Change[] }>(`/inventory/compare?from=${older?.id}&to=${newer?.id}`);
    const { changes: all } = await read<{ changes: Change[] }>("/inventory/changes?limit=1000");
    expect(compared.changes.map((one) => one.pointer).sort()).toEqual(all.map((one) => one.pointer).sort());
  }, 60_000);

  test("sends nonsense, which is refused with the reason and changes nothing", async () => {
    for (const [body, reason] of [
      ["", "empty"],
      ["[]", "object"],
      ["42", "object"],
      ['{"facts": ', "at offset 10 (line 1, column 11)"],
    ] as const) {
      const refused = await post(body);
      expect(refused.status, body).toBe(400);
      expect(refused.text).toContain(reason);
    }
    await settle();
    expect((await read<{ records: Record[] }>("/inventory/history")).records).toHaveLength(2);
  }, 60_000);

  test("goes back to how it was: a third record, whose changes undo the second's", async () => {
    const { changes: there } = await read<{ changes: Change[] }>("/inventory/changes?limit=1000");
    await post(first);
    await settle();
    const { records } = await read<{ records: Record[] }>("/inventory/history");
    expect(records).toHaveLength(3);
    const { changes } = await read<{ changes: Change[] }>("/inventory/changes?limit=1000");
    const back = changes.filter((change) => change.record_id === records[0]?.id);
    const count = (of: Change[], type: string) => of.filter((one) => one.change_type === type).length;
    expect(back).toHaveLength(there.length);
    expect(count(back, "create")).toBe(count(there, "delete"));
    expect(count(back, "delete")).toBe(count(there, "create"));
  }, 60_000);

  test("is erased with everything kept of it", async () => {
    expect((await muster.admin("DELETE", `/api/admin/systems/${system.system_key}`)).status).toBe(200);
    const [left] = await muster.database.query<{ count: number }>(
      `select (select count(*) from inventory_records) + (select count(*) from inventory_diffs)
         + (select count(*) from inventory_alerts) + (select count(*) from jobs) as count`,
    );
    expect(left?.count).toBe(0);
    expect((await post(first)).status).toBe(401);
  }, 60_000);
});

/** What a JSON Pointer points at. */
function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const part of pointer.split("/").slice(1)) {
    if (value === null || typeof value !== "object") return undefined;
    value = Reflect.get(value, part.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  return value;
}
