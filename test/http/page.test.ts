// Pages: a limit and a cursor walk a list once, and the last page names no next one.
import { expect, test } from "bun:test";
import { readPage } from "../../src/http/edge/page.ts";

const ROWS = ["a", "b", "c", "d"];
const pageFrom = (limit: number, cursor?: string | null) =>
  readPage({
    limit,
    cursor: cursor ?? undefined,
    keys: ["text"],
    read: async (after, count) => ROWS.filter((row) => after === undefined || row > after[0]).slice(0, count),
    keyOf: (row) => [row],
  });

test("a list is walked once, page by page, and the last page is known as such, also when it is full", async () => {
  const first = await pageFrom(2);
  expect(first.rows).toEqual(["a", "b"]);
  const second = await pageFrom(2, first.next_cursor);
  expect(second).toEqual({ rows: ["c", "d"], next_cursor: null });
  expect(await pageFrom(3)).toMatchObject({ rows: ["a", "b", "c"], next_cursor: expect.any(String) });
  expect(await pageFrom(5)).toEqual({ rows: ROWS, next_cursor: null });
});

test("a reader that bounds its page in bytes says itself that there is more", async () => {
  const page = await readPage({
    limit: 50,
    keys: ["text"],
    read: async () => ({ rows: ["a"], more: true }),
    keyOf: (row: string) => [row],
  });
  expect(page).toEqual({ rows: ["a"], next_cursor: Buffer.from('["a"]').toString("base64url") });
});

test("a cursor that this API did not give out is refused before anything is read", async () => {
  let read = false;
  const page = readPage({
    limit: 1,
    cursor: "nonsense",
    keys: ["text", "uuid"],
    async read() {
      read = true;
      return [];
    },
    keyOf: () => ["", ""],
  });
  expect(await page.catch((error: Error) => error.message)).toContain("cursor is not one that this API gave out");
  expect(read).toBe(false);
});
