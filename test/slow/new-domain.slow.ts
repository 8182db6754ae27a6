// Adds a domain to a copy of the sources by one folder and one line, and finds it everywhere that domains show.
import { beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTestDatabase } from "../support/postgres.ts";
import { diskDirectory } from "../support/run.ts";

const ROOT = join(import.meta.dir, "../..");
const COPIED = ["src", "sql", "systemd", "scripts", "docs", "package.json", "tsconfig.json"];

const FOLDER = {
  "settings.ts": `
// Declares the settings of tides.
import { integer, setting } from "../../config/setting.ts";
import type { ValuesOf } from "../../config/setting.ts";

export const settings = { heightMeters: setting("TIDES_HEIGHT", "How high the water stands.", "3", integer(0, 30)) };
export type TidesSettings = ValuesOf<typeof settings>;
`,
  "index.ts": `
// Tells how high the water stands.
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { Gauge } from "prom-client";
import type { DomainWith } from "../../domain.ts";
import { route } from "../../http/edge/route.ts";
import { MUSTER } from "../../values/actor.ts";
import type { Systems } from "../systems/index.ts";
import type { TidesSettings } from "./settings.ts";

export { settings } from "./settings.ts";

export interface TidesDeps {
  settings: TidesSettings;
  api: { systems: Pick<Systems, "count"> };
}

export interface Tides {
  turned(): number;
}

export function open({ settings, api }: TidesDeps): DomainWith<Tides> {
  let turned = 0;
  const adminRoutes = new Elysia();
  route(
    adminRoutes,
    "GET",
    "/tides",
    { summary: "How high the water stands", data: Type.Object({ meters: Type.Number() }), says: "tides told" },
    async () => ({ meters: settings.heightMeters, systems: await api.systems.count(MUSTER) }),
  );
  return {
    api: { turned: () => turned },
    adminRoutes,
    jobs: [
      {
        queue: "muster:tides",
        batch: 1,
        batchBytes: 1024,
        concurrency: 1,
        leaseMs: 15_000,
        async handle() {
          turned += 1;
        },
      },
    ],
    schedules: [{ name: "tides", cron: "* * * * *", queue: "muster:tides" }],
    checks: [{ name: "tides", run: async () => "The water is high.", advice: "Wait six hours." }],
    metrics(registry) {
      new Gauge({
        name: "muster_tides_meters",
        help: "How high the water stands.",
        registers: [registry],
        collect() {
          this.set(settings.heightMeters);
        },
      });
    },
  };
}
`,
};

const LINE = 'export * as tides from "../domains/tides/index.ts";\n';

/** Runs in the copy, on its own sources, and prints what it finds. */
const LOOK = `
import { openApp } from "./src/app/open.ts";
import { parseConfig } from "./src/app/settings.ts";
import { openLog } from "./src/log.ts";
import { MUSTER } from "./src/values/actor.ts";

const log = openLog({ level: "error", format: "text" });
const app = await openApp(parseConfig(), { role: "serve", log, version: "0.0.0-test" });
const ask = async (path: string, handle = app.handle, headers = {}) =>
  (await handle(new Request("http://localhost" + path, { headers }))).text();
const { token } = await app.api.operators.addToken(MUSTER, "x");
const authorization = "Bearer " + token;
await app.scheduler.tick("tides", new Date(0));
await app.runner.drain();
console.log(
  JSON.stringify({
    routes: Object.keys(JSON.parse(await ask("/api/openapi.json", app.handle, { authorization })).paths),
    answer: JSON.parse(await ask("/api/admin/tides", app.handle, { authorization })).data,
    ready: JSON.parse(await ask("/ready", app.handleOperations)).data.checks,
    workers: Object.keys(JSON.parse(await ask("/stats", app.handleOperations)).data.workers),
    metrics: await ask("/metrics", app.handleOperations),
    examined: await app.about.examine(),
    turned: app.api.tides.turned(),
  }),
);
await app.stop();
`;

let copy: string;

beforeAll(() => {
  copy = diskDirectory("new-domain");
  for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  mkdirSync(join(copy, "src/domains/tides"));
  for (const [name, text] of Object.entries(FOLDER))
    writeFileSync(join(copy, "src/domains/tides", name), text.trimStart());
  const list = join(copy, "src/app/domains.ts");
  writeFileSync(list, readFileSync(list, "utf8") + LINE);
  writeFileSync(join(copy, "look.ts"), LOOK);
  const config = JSON.parse(readFileSync(join(copy, "tsconfig.json"), "utf8"));
  writeFileSync(join(copy, "tsconfig.json"), JSON.stringify({ ...config, include: ["src", "look.ts"] }));
}, 60_000);

async function inCopy(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { PATH = "" } = process.env;
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: copy,
    env: { PATH, HOME: copy, MUSTER_ENV_FILE: "", DATA_DIR: join(copy, "data"), ...env },
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`bun ${args.join(" ")} ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

test("the compiler knows the new domain, its settings and what others may ask of it", async () => {
  await inCopy(["check"]);
}, 120_000);

test.each([
  ["a domain that does not exist", "api: { nobody: { count(): number } }"],
  ["a verb that another domain does not have", "api: { systems: { sing(): void } }"],
  ["a shared part that does not exist", "moon: string"],
])(
  "the compiler refuses a domain that asks for %s",
  async (_, asked) => {
    const file = join(copy, "src/domains/tides/index.ts");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, before.replace("}: TidesDeps)", `}: TidesDeps & { ${asked} })`));
    const said = await inCopy(["check"]).catch(String);
    writeFileSync(file, before);
    expect(said).toContain("src/app/assemble.ts");
  },
  120_000,
);

test("routes, jobs, schedules, checks, metrics and its own settings are there", async () => {
  await using database = await createTestDatabase();
  const found = JSON.parse(await inCopy(["look.ts"], { DATABASE_URL: database.url, TIDES_HEIGHT: "7" }));
  expect(found.routes).toContain("/api/admin/tides");
  expect(found.answer).toMatchObject({ meters: 7 });
  expect(found.ready.tides).toEqual({ status: "degraded", reason: "The water is high.", advice: "Wait six hours." });
  expect(found.examined).toContainEqual(expect.objectContaining({ name: "tides", reason: "The water is high." }));
  expect(found.workers).toContain("muster:tides");
  expect(found.metrics).toContain("muster_tides_meters 7");
  expect(found.turned).toBe(1);
}, 120_000);

test("two domains that ask each other while they open are named", async () => {
  const list = join(copy, "src/app/domains.ts");
  const before = readFileSync(list, "utf8");
  for (const [name, other] of [
    ["ebb", "flood"],
    ["flood", "ebb"],
  ] as const) {
    mkdirSync(join(copy, "src/domains", name));
    const code = `export const open = ({ api }: { api: { ${other}: number } }) => ({ api: 1 + api.${other} });\n`;
    writeFileSync(join(copy, "src/domains", name, "index.ts"), code);
    writeFileSync(list, `${readFileSync(list, "utf8")}export * as ${name} from "../domains/${name}/index.ts";\n`);
  }
  await using database = await createTestDatabase();
  const said = await inCopy(["look.ts"], { DATABASE_URL: database.url }).catch(String);
  expect(said).toContain("Domains need each other to open: ebb → flood → ebb.");
  writeFileSync(list, before);
}, 120_000);

test("its setting is shown, documented, read with all the others, and known when it is misspelt", async () => {
  expect(await inCopy(["src/main.ts", "config"], { TIDES_HEIGHT: "7" })).toContain(
    "TIDES_HEIGHT=7\n    How high the water stands.\n",
  );
  await inCopy(["scripts/settings-page.ts"]);
  expect(readFileSync(join(copy, "docs/settings.md"), "utf8")).toMatch(
    /^\| `TIDES_HEIGHT` +\| `3` +\| How high the water stands\. +\|$/m,
  );
  const faults = await inCopy(["src/main.ts", "config"], { TIDES_HEIGHT: "x", LOG_LEVEL: "y" }).catch(String);
  expect(faults).toContain('TIDES_HEIGHT must be a whole number from 0 to 30, got "x".');
  expect(faults).toContain("LOG_LEVEL must be one of");
  const misspelt = await inCopy(["src/main.ts", "config"], { TIDES_HIEGHT: "1", LOG_LEVEL: "y" }).catch(String);
  expect(misspelt).toContain("TIDES_HIEGHT is no setting. Did you mean TIDES_HEIGHT?");
}, 120_000);
