// Which user PostgreSQL runs as, as a table.
import { describe, expect, test } from "bun:test";
import { chooseAccount } from "../../src/adapters/postgres/account.ts";

const PEOPLE = [
  { name: "root", uid: 0, gid: 0 },
  { name: "nobody", uid: 65534, gid: 65534 },
  { name: "postgres", uid: 101, gid: 104 },
  { name: "muster", uid: 998, gid: 998 },
  { name: "ann", uid: 1000, gid: 1000 },
];

function choose(question: { uid?: number; ownerUid?: number; filesUid?: number; without?: string[] }) {
  const people = PEOPLE.filter(({ name }) => !question.without?.includes(name));
  return chooseAccount({
    uid: question.uid ?? 0,
    ownerUid: question.ownerUid ?? 0,
    filesUid: question.filesUid,
    byUid: (uid) => people.find((one) => one.uid === uid),
    byName: (name) => people.find((one) => one.name === name),
  });
}

describe("the user that PostgreSQL runs as", () => {
  test("is the user that runs Muster, unless that is root", () => {
    expect(choose({ uid: 1000, ownerUid: 998 })).toEqual({ name: "ann", uid: 1000, gid: 1000, spawnAs: {} });
  });

  test("is, for root, the owner of the data directory", () => {
    expect(choose({ ownerUid: 1000 })).toMatchObject({ name: "ann", spawnAs: { uid: 1000, gid: 1000 } });
  });

  test("is muster, postgres or nobody where the data directory is root's, in this order", () => {
    expect(choose({})).toMatchObject({ name: "muster" });
    expect(choose({ without: ["muster"] })).toMatchObject({ name: "postgres" });
    expect(choose({ without: ["muster", "postgres"] })).toMatchObject({ name: "nobody", spawnAs: { uid: 65534 } });
  });

  test("stays the one that owns the files, also when a better one appears later", () => {
    expect(choose({ filesUid: 65534 })).toMatchObject({ name: "nobody" });
    expect(choose({ filesUid: 65534, ownerUid: 1000 })).toMatchObject({ name: "nobody" });
  });

  test("needs an entry in the user database, and the refusal says which id has none", () => {
    expect(() => choose({ uid: 70_000 })).toThrow("user id 70000 (this process runs as it)");
    expect(() => choose({ ownerUid: 70_000 })).toThrow("user id 70000 (it owns the data directory)");
    expect(() => choose({ without: ["muster", "postgres", "nobody"] })).toThrow("useradd --system muster");
  });
});
