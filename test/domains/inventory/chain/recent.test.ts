// Documents of records that were stored lately: parsed once for the steps that want them, within bounds.
import { expect, test } from "bun:test";
import { openRecentDocuments } from "../../../../src/domains/inventory/chain/recent.ts";
import { LARGE_BYTES } from "../../../../src/domains/inventory/intake/document.ts";
import { packText } from "../../../../src/domains/inventory/intake/payload.ts";
import type { Queryable } from "../../../../src/ports/database.ts";

/** Whatever is at hand needs no database. */
const nothing: Queryable = { query: () => Promise.reject(new Error("the database was asked")) };

async function documentOf(recent: ReturnType<typeof openRecentDocuments>, id: string) {
  const document = (await recent.read(nothing, [id])).get(id);
  if (!document) throw new Error(`${id} is not at hand`);
  return document.document();
}

test("a document is parsed once, however many steps read it, until its successor was compared", async () => {
  const recent = openRecentDocuments();
  recent.add("a", packText('{"a":[1]}'));
  const first = await documentOf(recent, "a");
  expect(first).toEqual({ a: [1] });
  expect(await documentOf(recent, "a")).toBe(first);
  recent.drop(["a"]);
  expect(await documentOf(recent, "a").catch(String)).toContain("the database was asked");
  recent.add("a", packText('{"a":[1]}'));
  expect(await documentOf(recent, "a")).not.toBe(first);
});

test("a large document is never held parsed", async () => {
  const recent = openRecentDocuments();
  recent.add("large", packText(JSON.stringify({ text: "x".repeat(LARGE_BYTES) })));
  expect(await documentOf(recent, "large")).not.toBe(await documentOf(recent, "large"));
});

test("what was parsed longest ago is forgotten after 4 MB of texts, and parsed again", async () => {
  const recent = openRecentDocuments();
  const text = JSON.stringify({ text: "x".repeat(200_000) });
  for (let at = 0; at < 30; at++) recent.add(`r${at}`, packText(text));
  const first = await documentOf(recent, "r0");
  for (let at = 1; at < 10; at++) await documentOf(recent, `r${at}`);
  expect(await documentOf(recent, "r0")).toBe(first);
  for (let at = 1; at < 30; at++) await documentOf(recent, `r${at}`);
  expect(await documentOf(recent, "r0")).not.toBe(first);
  expect(await documentOf(recent, "r0")).toEqual(first);
});

test("of one round, too, no more parsed documents are held than 4 MB of their texts", async () => {
  const recent = openRecentDocuments();
  const ids = Array.from({ length: 60 }, (_, at) => `r${at}`);
  const textOf = (id: string) => JSON.stringify({ id, text: "x".repeat(200_000) });
  for (const id of ids) recent.add(id, packText(textOf(id)));
  const round = await recent.read(nothing, ids);
  const parsed = ids.map((id) => new WeakRef(round.get(id)?.document() ?? {}));
  // Objects that a WeakRef was made of stay until the next turn of the event loop.
  await Bun.sleep(0);
  Bun.gc(true);
  expect(round.size).toBe(60);
  const fitting = Math.floor((4 * 1024 ** 2) / textOf("r0").length);
  // The collector may still see a few in registers and on the stack.
  expect(parsed.filter((one) => one.deref() !== undefined).length).toBeLessThan(fitting + 10);
});
