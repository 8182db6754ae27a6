// Decides which user PostgreSQL runs as, as a table.
import { describe, expect, test } from "bun:test";
import { chooseAccount } from "../../src/adapters/postgres/carried/files/account.ts";

const PEOPLE = [
  { name: "root", uid: 0, gid: 0 },
  { name: "daemon", uid: 1, gid: 1 },
  { name: "nobody", uid: 65534, gid: 65534 },
  { name: "postgres", uid: 101, gid: 104 },
  { name: "muster", uid: 998, gid: 998 },
  { name: "ann", uid: 1000, gid: 1000 },
];

function choose(question: { uid?: number; ownerUid?: number; filesUid?: number; without?: string[] }) {
  const people = PEOPLE.filter(({ name }) => !question.without?.includes(name));
  return chooseAccount({
    uid: question.uid ?? 0,
    dataDir: "/var/lib/muster",
    ownerUid: question.ownerUid ?? 0,
    filesUid: question.filesUid,
    byUid: (uid) => people.find((one) => one.uid === uid),
    byName: (name) => people.find((one) => one.name === name),
  });
}

describe("the user that PostgreSQL runs as", () => {
  test("is the user that runs Muster, unless that is root", () => {
    const ann = { name: "ann", uid: 1000, gid: 1000 };
    expect(choose({ uid: 1000, ownerUid: 998 })).toEqual({ ...ann, spawnAs: {}, makeAs: {} });
  });

  test("is, for root, the owner of the data directory, whoever owned the files before", () => {
    const ids = { uid: 1000, gid: 1000 };
    expect(choose({ ownerUid: 1000, filesUid: 101 })).toEqual({ name: "ann", ...ids, spawnAs: ids, makeAs: ids });
  });

  test("is muster where the data directory is root's or nobody's, and never somebody whom others run as", () => {
    for (const ownerUid of [0, 65_534])
      for (const filesUid of [undefined, 101, 65_534, 60_600])
        expect(choose({ ownerUid, filesUid })).toMatchObject({ name: "muster", spawnAs: { uid: 998, gid: 998 } });
  });

  test("is, without that user, an id that nobody has; initdb is lent a name, in a group of that id", () => {
    for (const ownerUid of [0, 65_534]) {
      const account = choose({ ownerUid, without: ["muster"] });
      expect(account.uid).toBeGreaterThanOrEqual(60_578);
      expect(account.uid).toBeLessThan(61_184);
      const ids = { uid: account.uid, gid: account.uid };
      expect(account).toEqual({ name: String(ids.uid), ...ids, spawnAs: ids, makeAs: { uid: 1, gid: ids.gid } });
      // Files of a former place keep the id they had; those of others do not.
      expect(choose({ ownerUid, without: ["muster"], filesUid: 60_600 })).toMatchObject({ uid: 60_600 });
      expect(choose({ ownerUid, without: ["muster"], filesUid: 65_534 })).toEqual(account);
    }
  });

  test("needs an entry in the user database, and the refusal says which id has none", () => {
    expect(() => choose({ uid: 70_000 })).toThrow("user id 70000 (this process runs as it)");
    expect(() => choose({ ownerUid: 70_000 })).toThrow("user id 70000 (it owns the data directory)");
    expect(() => choose({ without: ["muster", "daemon"] })).toThrow("useradd --system muster");
  });
});
