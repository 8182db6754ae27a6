// Each change by an operator is one line of the gateway's log, over the API or by a command; none holds a secret.
import { describe, expect, test } from "bun:test";
import { OWNER } from "../support/actor.ts";
import { openTestApp } from "../support/app.ts";
import type { TestApp } from "../support/app.ts";
import { tryInventedTokens } from "../support/attacks/logins.ts";
import { openListeningApp } from "../support/listening.ts";
import { runJson, runMuster } from "../support/program.ts";

const trailOf = ({ logged }: Pick<TestApp, "logged">) =>
  logged.filter((line) => line.includes("A change by")).map((line) => line.slice(line.indexOf("A change by")).trim());

describe("over the API", () => {
  test("who, from where, what, of what and how it ended are said of each change, and nothing of reading", async () => {
    await using app = await openTestApp();
    const created = await app.admin("POST", "/api/admin/systems", { name: "Branch 12" });
    const key = String(created.body.data["system_key"]);
    for (const path of [`/api/admin/systems/${key}`, "/api/admin/systems", "/api/admin/overview"])
      expect((await app.admin("GET", path)).status).toBe(200);
    await app.admin("POST", `/api/admin/systems/${key}/suspend`);
    const { body } = await app.admin("POST", `/api/admin/systems/${key}/rotate`, {});
    await app.admin("POST", `/api/admin/systems/${key}/rotate`, { overlap_seconds: -1 });
    await app.admin("DELETE", `/api/admin/systems/${key}`);
    await app.admin("DELETE", `/api/admin/systems/${key}`);
    const line = (what: string, outcome: string) =>
      `A change by an operator. who=test address=127.0.0.1 what=${JSON.stringify(what)} target=${key} outcome="${outcome}`;
    const trail = trailOf(app);
    const wanted = [
      line("POST /api/admin/systems/", '201 system created"'),
      line("POST /api/admin/systems/:key/suspend", '200 system suspended"'),
      line("POST /api/admin/systems/:key/rotate", '200 secret rotated"'),
      line("POST /api/admin/systems/:key/rotate", "400 invalid request body: overlap_seconds must be"),
      line("DELETE /api/admin/systems/:key", '200 system erased"'),
      line("DELETE /api/admin/systems/:key", "404 system not found"),
    ];
    expect(trail).toHaveLength(wanted.length);
    for (const [index, start] of wanted.entries()) expect(trail[index]).toStartWith(start);
    for (const secret of [created.body.data["system_secret"], body.data["system_secret"]])
      expect(app.logged.join("")).not.toContain(String(secret));
  }, 60_000);

  test("thirty failed logins are one line, and no change", async () => {
    await using app = await openTestApp();
    const login = async (_: string, authorization: string) =>
      (await app.request("DELETE", "/api/admin/systems/x", { authorization })).status;
    await tryInventedTokens(login, { from: "127.0.0.1", count: 30 });
    expect(app.logged.filter((line) => line.includes("throttled"))).toEqual([
      expect.stringContaining("An address is throttled: too many failed logins of operators. address=127.0.0.1"),
    ]);
    expect(trailOf(app)).toEqual([]);
  }, 60_000);

  test("a name made to forge a line stays within its own", async () => {
    await using app = await openTestApp();
    const { token } = await app.app.api.operators.addToken(OWNER, 'x" outcome=200\n2026-01-01 info  forged');
    await app.request("POST", "/api/admin/systems/NOC-%0Aforged/suspend", { authorization: `Bearer ${token}` });
    const [line = "", ...more] = trailOf(app);
    expect(more).toEqual([]);
    expect(line).toContain('outcome="404 system not found');
    expect(line).not.toContain("\n");
  }, 60_000);
});

describe("by a command beside the gateway", () => {
  test("the gateway logs who, what, of what and how it ended, and no secret", async () => {
    await using app = await openListeningApp();
    const env = { DATABASE_URL: app.databaseUrl };
    const created = await runJson<{ system_key: string; system_secret: string }>(
      ["systems", "add", "--name", "Branch 12"],
      { env },
    );
    const { token } = await runJson<{ token: string }>(["tokens", "add", "--name", "laptop"], { env });
    expect((await runMuster(["systems", "suspend", created.system_key], { env })).code).toBe(0);
    expect((await runMuster(["systems", "suspend", "NOC-NONE"], { env })).code).toBe(1);
    expect((await runMuster(["systems", "list"], { env })).code).toBe(0);
    while (trailOf(app).length < 4) await Bun.sleep(20);
    const lines = trailOf(app);
    const who = /^A change by an operator\. who="[^"]+ \(command line\)" /;
    for (const line of lines) expect(line).toMatch(who);
    expect(lines.map((line) => line.replace(who, ""))).toEqual([
      `what="muster systems add" target=${created.system_key} outcome=done`,
      expect.stringMatching(/^what="muster tokens add" target=[0-9a-f-]{36} outcome=done$/),
      `what="muster systems suspend" target=${created.system_key} outcome=done`,
      expect.stringContaining('what="muster systems suspend" target=NOC-NONE outcome="system not found'),
    ]);
    for (const secret of [created.system_secret, token]) expect(app.logged.join("")).not.toContain(secret);
  }, 60_000);
});
