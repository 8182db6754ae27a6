// Adds, lists, changes and erases systems: muster systems.
import { duration } from "../../config/setting.ts";
import { ListQuery, NewSystem } from "../../domains/systems/schema.ts";
import type { System } from "../../domains/systems/schema.ts";
import { applications } from "./applications.ts";
import { changes } from "./changes.ts";
import { requireOrganization } from "./owner.ts";
import { PAGED, printTable, readPages, sayRest, timeOf } from "../terminal/table.ts";
import type { Cell } from "../terminal/table.ts";
import { action, changeApp, printable, readOptions, UsageError, withApp } from "../verb.ts";
import type { Verb } from "../verb.ts";
import { DAY_MS } from "../../values/time.ts";

const add = action({
  flags: { name: "NAME", organization: "ID", registered: true },
  required: ["name"],
  hint: "prints key and secret, only this once; --registered: its appliance is given both, and need not register",
  async run({ name, organization, registered, json }, cli) {
    const input = readOptions(
      NewSystem,
      {
        name,
        ...(organization ? { organization_id: organization } : {}),
        ...(registered ? { registered: "true" } : {}),
      },
      { organization_id: "organization" },
    );
    const created = await changeApp(cli, async (app, actor) => {
      await requireOrganization(app, actor, organization);
      return app.api.systems.add(actor, input);
    });
    if (json) cli.print(JSON.stringify(created));
    else {
      cli.print(`system_key     ${created.system_key}\nsystem_secret  ${created.system_secret}`);
      cli.say(
        registered
          ? "The secret is not shown again. The appliance is given both: see docs/appliances."
          : "The secret is not shown again. The appliance registers with it: see the README.",
      );
    }
    return 0;
  },
});

const list = action({
  flags: { search: "TEXT", status: "active|inactive|unknown|suspended", organization: "ID", ...PAGED },
  async run({ json, positionals, all, ...given }, cli) {
    const query = readOptions(ListQuery, given);
    const { page, total } = await withApp(cli, async (app, actor) => {
      await requireOrganization(app, actor, query.organization);
      const page = await readPages(
        query,
        all,
        (asked) => app.api.systems.list(actor, asked),
        (one, next) => ({
          ...next,
          systems: [...one.systems, ...next.systems],
        }),
      );
      return { page, total: page.next_cursor === null ? undefined : await app.api.systems.countListed(actor, query) };
    });
    if (json) {
      cli.print(JSON.stringify(page));
      return 0;
    }
    if (page.systems.length === 0) cli.print("No systems.");
    else
      printTable(
        cli,
        HEADERS,
        page.systems.map((system) => rowOf(system, system.health.score)),
      );
    sayRest(cli, page, page.systems.length, total);
    return 0;
  },
});

const show = action({
  positionals: ["KEY"],
  async run({ positionals, json }, cli) {
    const system = await withApp(cli, (app, actor) => app.api.systems.detail(actor, positionals[0] ?? ""));
    if (json) {
      cli.print(JSON.stringify(system));
      return 0;
    }
    const { health, ...rest } = system;
    for (const [name, value] of Object.entries(rest)) cli.print(`${name.padEnd(18)} ${shown(value)}`);
    cli.print(`${"health".padEnd(18)} ${shown(health.score)}`);
    for (const { points, sentence } of health.reasons)
      cli.print(`${" ".repeat(18)} ${points > 0 ? `-${points}`.padStart(4) : "    "}  ${printable(sentence)}`);
    return 0;
  },
});

const switchState = (verb: "suspend" | "resume") =>
  action({
    positionals: ["KEY"],
    async run({ positionals, json }, cli) {
      const system = await changeApp(cli, (app, actor) => app.api.systems[verb](actor, positionals[0] ?? ""));
      cli.print(
        json ? JSON.stringify(system) : `${system.system_key} (${printable(system.name)}) is ${stateOf(system)}.`,
      );
      return 0;
    },
  });

const rotate = action({
  positionals: ["KEY"],
  flags: { overlap: "24h" },
  hint: "new secret; the old one stays valid for the overlap",
  async run({ positionals, overlap = "0s", json }, cli) {
    const overlapSeconds = Math.floor(readOverlapMs(overlap) / 1000);
    const rotated = await changeApp(cli, (app, actor) =>
      app.api.systems.rotate(actor, positionals[0] ?? "", overlapSeconds),
    );
    if (json) cli.print(JSON.stringify(rotated));
    else {
      cli.print(`system_secret  ${rotated.system_secret}`);
      cli.say(
        rotated.old_secret_expires_at
          ? `The old secret stays valid until ${rotated.old_secret_expires_at}.`
          : "The old secret is refused from now on.",
      );
    }
    return 0;
  },
});

const MAX_OVERLAP_MS = 90 * DAY_MS;

function readOverlapMs(text: string): number {
  try {
    return duration(0, MAX_OVERLAP_MS)(text);
  } catch (error) {
    throw new UsageError(`--overlap ${(error as Error).message}, got ${JSON.stringify(text)}.`);
  }
}

const oldSecrets = action({
  hint: "systems whose old secret is still valid, and when it was last used",
  async run({ json }, cli) {
    const secrets = await withApp(cli, (app, actor) => app.api.systems.oldSecrets(actor));
    if (json) cli.print(JSON.stringify({ secrets }));
    else if (secrets.length === 0) cli.print("No old secret is valid.");
    else
      printTable(
        cli,
        ["KEY", "NAME", "VALID UNTIL", "LAST USED"],
        secrets.map((one) => [
          one.system_key,
          one.name,
          timeOf(one.expires_at),
          one.last_used_at && timeOf(one.last_used_at),
        ]),
      );
    return 0;
  },
});

const erase = action({
  positionals: ["KEY"],
  flags: { yes: true },
  hint: "erases everything kept of the system",
  async run({ positionals, yes, json }, cli) {
    if (!yes) throw new UsageError("This erases everything kept of the system; add --yes to do it.");
    const system = await changeApp(cli, (app, actor) => app.api.systems.erase(actor, positionals[0] ?? ""));
    cli.print(json ? JSON.stringify(system) : `Erased ${system.system_key} (${printable(system.name)}).`);
    return 0;
  },
});

const HEADERS = ["KEY", "STATUS", "HEALTH", "NAME", "TYPE", "VERSION", "FQDN", "LAST HEARTBEAT"];
const stateOf = (system: System) => (system.suspended_at ? "suspended" : system.status);
const rowOf = (system: System, score: number | null): Cell[] => [
  system.system_key,
  stateOf(system),
  score,
  system.name,
  system.type,
  system.version,
  system.fqdn,
  system.last_heartbeat && timeOf(system.last_heartbeat),
];

function shown(value: unknown): string {
  if (value === null || value === undefined) return "-";
  return value instanceof Date ? value.toISOString() : printable(String(value));
}

export const systems: Verb = {
  name: "systems",
  summary: "Add, list, show, suspend, resume, rotate, delete systems; see what changed on one.",
  actions: {
    add,
    list,
    show,
    changes,
    applications,
    suspend: switchState("suspend"),
    resume: switchState("resume"),
    rotate,
    "old-secrets": oldSecrets,
    delete: erase,
  },
  notes: "KEY is the system key or the system id.",
};
