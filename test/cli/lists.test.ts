// Lists and words on the command line: headers, order, what was left out, and names that do not exist.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { OWNER } from "../support/actor.ts";
import { tableOf } from "../../src/cli/terminal/table.ts";
import { openTestApp } from "../support/app.ts";
import type { TestApp } from "../support/app.ts";
import { commandJson, runCommand } from "../support/command.ts";

let muster: TestApp;
const run = (...args: string[]) =>
  runCommand(args, { DATABASE_URL: muster.databaseUrl, DATA_DIR: "/nonexistent-data" });
const json = <Value = Record<string, unknown>>(...args: string[]) =>
  commandJson<Value>(args, { DATABASE_URL: muster.databaseUrl, DATA_DIR: "/nonexistent-data" });

beforeAll(async () => {
  muster = await openTestApp();
  await muster.app.api.organizations.add(OWNER, { id: "acme", name: "Acme" });
  for (let number = 138; number > 0; number -= 1)
    await muster.addSystem(`Branch-${number}`, { registered: false, organization: "acme" });
}, 60_000);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);

describe("systems list", () => {
  test("has headers, counts numbers in names as numbers, and says after the list what it left out", async () => {
    const { code, stdout, stderr } = await run("systems", "list");
    const lines = stdout.trimEnd().split("\n");
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^KEY +STATUS +HEALTH +NAME +TYPE +VERSION +FQDN +LAST HEARTBEAT$/);
    expect(lines.slice(1).map((line) => /Branch-(\d+)/.exec(line)?.[1])).toEqual(
      Array.from({ length: 50 }, (_, at) => String(at + 1)),
    );
    expect(stderr).toMatch(/^50 of 138 shown: --all shows them all, --cursor \S+ the next ones\.\n$/);
  }, 60_000);

  test("--cursor goes on where it ended, --limit shows fewer, --all shows them all", async () => {
    const [, cursor = ""] = /--cursor (\S+)/.exec((await run("systems", "list", "--limit", "137")).stderr) ?? [];
    expect((await run("systems", "list", "--cursor", cursor)).stdout).toContain("Branch-138");
    const all = await run("systems", "list", "--all");
    expect(all).toMatchObject({ code: 0, stderr: "" });
    expect(all.stdout.trimEnd().split("\n")).toHaveLength(139);
    const page = await json<{ systems: { name: string }[]; next_cursor: null }>("systems", "list", "--all");
    expect(page.systems).toHaveLength(138);
    expect(page.systems.at(-1)?.name).toBe("Branch-138");
    expect(page.next_cursor).toBeNull();
  }, 60_000);

  test(
    "counts what its filters let through",
    async () =>
      expect((await run("systems", "list", "--search", "Branch-1", "--limit", "3")).stderr).toStartWith(
        "3 of 50 shown",
      ),
    60_000,
  );
});

describe("an organization that does not exist", () => {
  test.each<string[]>([
    ["systems", "add", "--name", "x", "--organization", "amce"],
    ["systems", "list", "--organization", "amce"],
    ["backups", "list", "--organization", "amce"],
    ["inventory", "query", "facts.x = 1", "--organization", "amce"],
    ["inventory", "facets", "facts.x", "--organization", "amce"],
  ])(
    "is refused by muster %s %s, with the one that was meant",
    async (...args) => {
      const { code, stdout, stderr } = await run(...args);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toBe(
        'There is no organization "amce". Did you mean "acme"? "muster organizations add ID --name NAME" makes one.\n',
      );
    },
    60_000,
  );

  test("was not made; the default one needs no making", async () => {
    const { organizations } = await json<{ organizations: { id: string }[] }>("organizations", "list");
    expect(organizations.map((one) => one.id)).toEqual(["acme"]);
    expect((await run("systems", "add", "--name", "x", "--organization", "default")).code).toBe(0);
    expect((await run("systems", "add", "--name", "x")).code).toBe(0);
  }, 60_000);
});

describe("a queue that does not exist", () => {
  test.each<string[]>([
    ["queues", "list"],
    ["queues", "redrive"],
    ["queues", "discard"],
  ])(
    "is refused by muster %s %s",
    async (...args) => {
      const { code, stderr } = await run(...args, "collect:procesing");
      expect(code).toBe(1);
      expect(stderr).toStartWith(
        'There is no queue "collect:procesing". Did you mean "collect:processing"?\nThere are ',
      );
    },
    60_000,
  );

  test(
    "one that does and is empty is listed as such",
    async () => expect((await run("queues", "list", "collect:processing")).stdout).toBe("No dead jobs.\n"),
    60_000,
  );

  test("a list of jobs says how many there are, and shows all of them when asked", async () => {
    await muster.app.queue.push(Array.from({ length: 60 }, () => ({ queue: "collect:processing", payload: "{}" })));
    const pending = await run("queues", "list", "collect:processing", "--state", "pending");
    expect(pending.stdout).toMatch(/^ID +ATTEMPT +DUE +LANE +REASON\n/);
    expect(pending.stderr).toBe("50 of 60 shown: --limit shows more, --all all.\n");
    const all = await json<{ jobs: unknown[] }>("queues", "list", "collect:processing", "--state", "pending", "--all");
    expect(all.jobs).toHaveLength(60);
    expect((await run("queues")).stdout).toMatch(
      /^QUEUE +PENDING +DELAYED +ACTIVE +DEAD\ncollect:processing +60 +0 +0 +0\n$/,
    );
  }, 60_000);
});

describe("tokens revoke", () => {
  test("refuses a name that several tokens have, lists their ids, and revokes by id", async () => {
    const [one, other] = [
      await json("tokens", "add", "--name", "grafana"),
      await json("tokens", "add", "--name", "grafana"),
    ];
    const refused = await run("tokens", "revoke", "grafana");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toStartWith('2 tokens have the name "grafana"; revoke by id\n');
    for (const { id } of [one, other]) expect(refused.stderr).toContain(String(id));
    expect((await json<{ tokens: unknown[] }>("tokens", "list")).tokens).toHaveLength(2);
    expect((await run("tokens", "revoke", String(one["id"]))).code).toBe(0);
    // Now one alone has the name.
    expect((await run("tokens", "revoke", "grafana")).code).toBe(0);
    expect((await run("tokens", "revoke", "grafana")).code).toBe(1);
  }, 60_000);

  test("the list has headers", async () => {
    await run("tokens", "add", "--name", "x");
    expect((await run("tokens", "list")).stdout).toMatch(/^ID +NAME +MADE +LAST USED\n\S+ +x +\S+Z +-\n$/);
  }, 60_000);
});

describe("a table", () => {
  test("lines columns up, numbers to the right, nothing as a dash, wide letters by their width", () =>
    expect(
      tableOf(
        ["NAME", "COUNT", "SINCE"],
        [
          ["a", 5, new Date(0)],
          ["日本", 100, null],
          ["", 1, undefined],
        ],
      ),
    ).toEqual(["NAME  COUNT  SINCE", "a         5  1970-01-01T00:00:00Z", "日本    100  -", "-         1  -"]));

  test("keeps what appliances sent on one line", () =>
    expect(tableOf(["NAME"], [["a\n\u001b[31mb"]])[1]).toBe("a\\u000a\\u001b[31mb"));
});
