// An outside program, in another language and with nothing but docs/http.md, replays every change of a fleet through the API.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OWNER } from "../support/actor.ts";
import { openTestApp } from "../support/app.ts";
import type { TestApp, TestSystem } from "../support/app.ts";
import { makeFleet } from "../support/fleet.ts";
import { seeded } from "../support/random.ts";
import type { Random } from "../support/random.ts";

const SYSTEMS = 80;
/** Inventories of each system after its first; `.ci/run` takes more. */
const STEPS = Number(process.env["REPLAY_STEPS"] ?? 5);
const python = Bun.which("python3");
if (!python && process.env["REQUIRE_SERVICES"])
  throw new Error("python3 is not installed, and REQUIRE_SERVICES is set.");
if (!python) console.warn("Skipped: replay by an outside program, because python3 is not installed.");

const [, RULE = ""] =
  /^```python\n([^]*?)^```$/m.exec(await Bun.file(join(import.meta.dir, "../../docs/http.md")).text()) ?? [];

/** What the program found in the systems' histories. */
async function readOutside(muster: TestApp, systems: readonly TestSystem[]) {
  const directory = mkdtempSync(join(tmpdir(), "muster-replay-"));
  writeFileSync(join(directory, "replay.py"), RULE);
  await using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => muster.app.handle(request) });
  try {
    const { token } = await muster.app.api.operators.addToken(OWNER, "outside");
    const program = join(import.meta.dir, "../support/outside_reader.py");
    const run = Bun.spawn([python ?? "", "-B", program, directory, `http://127.0.0.1:${server.port}`, token], {
      stdin: Buffer.from(systems.map((system) => system.system_key).join("\n")),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [output, complaint] = await Promise.all([run.stdout.text(), run.stderr.text()]);
    if ((await run.exited) !== 0) throw new Error(complaint);
    return JSON.parse(output);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function postAll(muster: TestApp, posts: { system: TestSystem; document: unknown }[]) {
  for (const { system, document } of posts) {
    const body = JSON.stringify(document);
    const { authorization } = system;
    const { status } = await muster.request("POST", "/api/systems/inventory", { authorization, body });
    expect(status).toBe(200);
  }
  await muster.app.runner.drain();
  await muster.clock.advance(3_600_000);
}

const addSystems = (muster: TestApp, count: number) =>
  Promise.all(Array.from({ length: count }, (_, number) => muster.addSystem(`system ${number}`)));

test.skipIf(!python)(
  "of 80 generated systems not one step is wrong",
  async () => {
    await using muster = await openTestApp({ REGISTER_RATE_PER_MINUTE: "1000" });
    const systems = await addSystems(muster, SYSTEMS);
    const fleet = makeFleet(80_014, SYSTEMS).map(({ appliance }, number) => ({ appliance, system: systems[number] }));
    for (let step = 0; step <= STEPS; step++)
      await postAll(
        muster,
        fleet.flatMap(({ appliance, system }) => (system ? [{ system, document: appliance.next().document }] : [])),
      );
    expect(await readOutside(muster, systems)).toEqual({ systems: SYSTEMS, steps: SYSTEMS * STEPS, wrong: [] });
  },
  600_000,
);

/** Small arrays in which everything that is hard happens often: elements alike, without identity, nested, moved, of other types. */
function makeHard({ pick: pickOne, int }: Random): unknown {
  const pick = <Value>(...values: Value[]): Value => pickOne(values);
  const scalar = () => pick<unknown>(0, 1, 1.5, "", "1", "a", true, null, "10000000000000000001");
  const device = () => ({ class_id: pick("02", "03"), vendor_id: "8086", device_id: pick("1", "2"), driver: scalar() });
  const element = (depth: number): unknown =>
    pick(
      () => ({ id: pick<unknown>(1, "1", "a", "b", true), n: scalar(), list: list(depth - 1) }),
      () => ({ name: pick("a", "b"), n: scalar(), "a/b~c.d": scalar() }),
      () => ({ uuid: pick("u", "v"), name: pick("a", "b"), n: scalar() }),
      device,
      scalar,
      () => list(depth - 1),
    )();
  const list = (depth: number): unknown[] => (depth <= 0 ? [] : Array.from({ length: int(6) }, () => element(depth)));
  return { list: list(3), map: { "": list(2), "0": pick<unknown>(list(2), { x: list(1) }, scalar()) } };
}

/** Too many changes for a row each, and values too large for a list. */
const makeLarge = (step: number) => ({
  list: Array.from({ length: 11_000 }, (_, at) => ({ id: at, value: `${step} and more that makes a value long` })),
  text: `${step}`.repeat(300_000),
});

test.skipIf(!python)(
  "nor is one where elements are alike, without identity, nested, of changing type, or too many for a row each",
  async () => {
    await using muster = await openTestApp();
    const systems = await addSystems(muster, 10);
    const large = await muster.addSystem("large");
    const random = seeded(14);
    for (let step = 0; step <= 20; step++)
      await postAll(
        muster,
        // Never twice the same, or it would be no record of its own.
        systems.map((system) => ({ system, document: { step, hard: makeHard(random) } })),
      );
    for (let step = 0; step <= 3; step++) await postAll(muster, [{ system: large, document: makeLarge(step) }]);
    expect(await readOutside(muster, [...systems, large])).toEqual({ systems: 11, steps: 203, wrong: [] });
  },
  300_000,
);
