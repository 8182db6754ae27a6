// Lists of changes with large values: pages of so many bytes, and every change whole where it is asked for alone.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PAGE_BYTES, ROW_BYTES } from "../../../../src/values/json/page.ts";
import { openTestApp } from "../../../support/app.ts";
import type { TestApp, TestSystem } from "../../../support/app.ts";
import { openServerApart } from "../../../support/apart.ts";
import type { TestDatabase } from "../../../support/postgres.ts";
import { changingKeys } from "../../../support/attacks/documents.ts";
import { isTrue, readHistory } from "../../../support/history.ts";

/** Names and numbers of rows beside their values. */
const SLACK = ROW_BYTES + 64 * 1024;
const VALUE = 200_000;

interface Change {
  id: string;
  pointer: string;
  truncated: boolean;
  value_bytes: number;
  previous_value: unknown;
  current_value: unknown;
}
interface Page {
  changes: Change[];
  next_cursor: string | null;
  more?: boolean;
}

let muster: TestApp;
let many: TestSystem;
let large: TestSystem;

const post = async (system: TestSystem, body: string) => {
  const { status } = await muster.request("POST", "/api/systems/inventory", {
    authorization: system.authorization,
    body,
  });
  expect(status).toBe(200);
  await muster.clock.advance(1_000);
  await muster.app.runner.drain();
};

// The feed of changes waits for every older transaction on the server, so the server is this file's own.
let made: TestDatabase;
beforeAll(async () => {
  made = await (await openServerApart())();
  muster = await openTestApp({}, made);
  many = await muster.addSystem("many");
  large = await muster.addSystem("large");
  for (let round = 0; round < 4; round += 1) await post(many, changingKeys(10_500, 90, round));
  for (let round = 0; round < 3; round += 1)
    await post(
      large,
      JSON.stringify({
        os: { name: "x" },
        custom: Object.fromEntries(
          Array.from({ length: 20 }, (_, at) => [`k${at}`, `${round}${"v".repeat(VALUE / 2)}`]),
        ),
      }),
    );
}, 180_000);
afterAll(async () => {
  await muster[Symbol.asyncDispose]();
  await made[Symbol.asyncDispose]();
}, 60_000);

async function readPages(path: string, parameter: "cursor" | "after"): Promise<Change[]> {
  const changes: Change[] = [];
  for (let query = "?limit=1000"; ;) {
    const { status, text, body } = await muster.admin<Page>("GET", `${path}${query}`);
    expect(status).toBe(200);
    expect(text.length).toBeLessThan(PAGE_BYTES + SLACK);
    changes.push(...body.data.changes);
    const { next_cursor: next, more = next !== null } = body.data;
    if (!more || next === null) return changes;
    expect(body.data.changes.length).toBeGreaterThan(0);
    query = `?limit=1000&${parameter}=${next}`;
  }
}

const changesOf = (system: TestSystem) => `/api/admin/systems/${system.system_key}/inventory/changes`;

describe("changes with large values", () => {
  test("are listed page by page, each once, of a system and of the fleet", async () => {
    const own = [...(await readPages(changesOf(many), "cursor")), ...(await readPages(changesOf(large), "cursor"))];
    expect(own).toHaveLength(3 + 2 * 20);
    expect(new Set(own.map((change) => change.id)).size).toBe(own.length);
    const fleet = await readPages("/api/admin/changes", "after");
    expect(fleet.map((change) => change.id).toSorted()).toEqual(own.map((change) => change.id).toSorted());
  }, 60_000);

  test("show how those too large for a list begin, and whole where they are asked for alone", async () => {
    const [first] = await readPages(changesOf(many), "cursor");
    expect(first).toMatchObject({ pointer: "", truncated: true, previous_value: null });
    expect(first?.current_value).toBe(changingKeys(10_500, 90, 3).slice(0, 200));
    expect(first?.value_bytes).toBe(changingKeys(10_500, 90, 3).length);
    const { body } = await muster.admin<Change>("GET", `${changesOf(many)}/${first?.id}`);
    expect(body.data).toMatchObject({ truncated: false, previous_value: null });
    expect(body.data.current_value).toEqual(JSON.parse(changingKeys(10_500, 90, 3)));
    expect((await readPages(changesOf(large), "cursor")).every((change) => !change.truncated)).toBe(true);
  }, 60_000);

  test("lead from the first document to the latest, also where one row stands for all", async () => {
    const get = async (path: string) => {
      const { text } = await muster.admin("GET", path);
      return text.slice(text.indexOf('"data":') + 7, -1);
    };
    for (const system of [many, large]) expect(isTrue(await readHistory(get, system.system_key))).toBe(true);
  }, 60_000);

  test("are kept once and compressed where one row stands for all", async () => {
    const [row] = await muster.database.query<{ kept: number; bytes: number; previous: number }>(
      `select sum(pg_column_size(current_value))::float8 as kept, sum(value_bytes)::float8 as bytes, count(previous_value)::integer as previous
       from inventory_diffs where pointer = ''`,
    );
    expect(row).toMatchObject({
      previous: 0,
      bytes: [1, 2, 3].reduce((sum, round) => sum + changingKeys(10_500, 90, round).length, 0),
    });
    expect(row?.kept).toBeLessThan((row?.bytes ?? 0) / 2);
  }, 60_000);

  test("of two records of ten thousand changes have an answer of bounded size too", async () => {
    const { body } = await muster.admin<{ records: { id: string }[] }>(
      "GET",
      `/api/admin/systems/${large.system_key}/inventory/history`,
    );
    const [to, from] = body.data.records;
    const compared = await muster.admin<{ changes: Change[] }>(
      "GET",
      `/api/admin/systems/${large.system_key}/inventory/compare?from=${from?.id}&to=${to?.id}`,
    );
    expect(compared.status).toBe(200);
    expect(compared.text.length).toBeLessThan(PAGE_BYTES + SLACK);
    expect(compared.body.data.changes.filter((change) => change.truncated).length).toBeGreaterThan(0);
  }, 60_000);

  test("that are asked for by an id that no change has are 404", async () => {
    for (const id of ["x", "00000000-0000-0000-0000-000000000000"])
      expect((await muster.admin("GET", `${changesOf(many)}/${id}`)).status).toBe(404);
  }, 60_000);
});
