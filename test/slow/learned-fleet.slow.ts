// Noise that teaches itself, on a generated fleet: nearly all of it is suppressed once learned, and no event ever is.
import { describe, expect, test } from "bun:test";
import { compareTexts } from "../../src/domains/inventory/rules/judge.ts";
import { BUILTIN_RULES } from "../../src/domains/inventory/rules/builtin-rules.ts";
import { openRules } from "../../src/domains/inventory/rules/rules.ts";
import { suppress } from "../../src/domains/noise/suppress.ts";
import type { Database } from "../../src/ports/database.ts";
import { testClock } from "../support/clock.ts";
import { makeFleet, placeOf } from "../support/fleet.ts";
import { openTestNoise } from "../support/noise.ts";
import { createTestDatabase } from "../support/postgres.ts";

const SYSTEMS = 100;
const ORGANIZATIONS = 5;
const STEPS = 30;
/** Inventories of each system that Muster may learn from before it is judged; three a day are more than four days. */
const LEARNING_STEPS = 14;
const STEP_MS = 8 * 3_600_000;

describe("a fleet of 100 systems of five organizations over 30 inventories each", () => {
  test("has 99 % of its noise suppressed once learned, and not one event", async () => {
    await using made = await createTestDatabase();
    const clock = testClock();
    const learned = openTestNoise({ database: made.database, clock });
    const rules = openRules(BUILTIN_RULES);
    const fleet = makeFleet(20_260_101, SYSTEMS).map((member, number) => ({
      ...member,
      id: Bun.randomUUIDv7(),
      organization: `org-${number % ORGANIZATIONS}`,
      document: member.appliance.next().document,
    }));
    await insertSystems(made.database, fleet);
    const ids = fleet.map((member) => member.id);
    const tally = { noise: 0, suppressed: 0, suppressedByRules: 0, events: 0 };
    const lostEvents: string[] = [];
    const unlabelled: string[] = [];
    for (let step = 1; step < STEPS; step++) {
      await clock.advance(STEP_MS);
      const known = await learned.known(ids);
      for (const member of fleet) {
        const { document, changes } = member.appliance.next();
        const labels = new Map(changes.map((change) => [change.place, change.label]));
        const compared = compareTexts(JSON.stringify(member.document), JSON.stringify(document), rules);
        learned.observe(member.id, clock.now(), compared);
        for (const change of suppress(compared, known.get(member.id))) {
          const place = placeOf(change, member.document, document);
          const label = labels.get(place);
          if (label === undefined) unlabelled.push(place);
          if (label === "event") {
            tally.events += 1;
            if (!change.significant) lostEvents.push(`${place} ${change.changeType} ${change.suppressedBy}`);
          } else if (step > LEARNING_STEPS) {
            tally.noise += 1;
            if (!change.significant) tally.suppressed += 1;
            if (change.suppressedBy === "rule") tally.suppressedByRules += 1;
          }
        }
        member.document = document;
      }
      await learned.learn();
    }
    expect(unlabelled).toEqual([]);
    expect(lostEvents).toEqual([]);
    expect(tally.events).toBeGreaterThan(1_000);
    // What the rules do not know must be a good part, or nothing was learned here.
    expect(tally.noise - tally.suppressedByRules).toBeGreaterThan(3_000);
    expect(tally.suppressed / tally.noise).toBeGreaterThanOrEqual(0.99);
  }, 300_000);
});

const insertSystems = (database: Database, systems: readonly { id: string; organization: string }[]) =>
  database.query(
    `insert into systems (id, name, organization_id, system_key, created_at)
     select id, 'of a fleet', organization, id::text, now() from unnest($1::uuid[], $2::text[]) as t (id, organization)`,
    [systems.map((one) => one.id), systems.map((one) => one.organization)],
  );
