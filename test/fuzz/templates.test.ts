// Compares templates made afresh from a seed with what Go's own text/template makes of them.
import { expect, test } from "bun:test";
import { readData, renderTemplate } from "../../src/gotemplate/index.ts";
import { CASES, FUZZ_MS, SEED } from "../support/fuzz.ts";
import { GO_LABELS, hasGo, makeTemplate, openGoTemplates } from "../support/go-templates.ts";
import { seeded } from "../support/random.ts";

/** What Muster leaves out of Go, and what it bounds: docs/alerts.md. */
const LEFT_OUT = /too many steps|more than|deeper than|not supported|address|beyond/;
/** At a time, so that a long run is not one long text. */
const BATCH = 2_000;

test.skipIf(!hasGo)(
  "a template ends as in Go, with the same text or refused by both",
  () => {
    using go = openGoTemplates();
    const labels = readData(GO_LABELS);
    const random = seeded(SEED);
    const outcomes = { text: 0, refused: 0, leftOut: 0 };
    for (let left = CASES; left > 0; left -= BATCH) {
      const templates = Array.from({ length: Math.min(left, BATCH) }, () => makeTemplate(random));
      for (const { template, text, endless } of go.render(GO_LABELS, templates)) {
        const rendered = renderTemplate(template, labels);
        if (endless || ("warning" in rendered && LEFT_OUT.test(rendered.warning))) {
          outcomes.leftOut += 1;
          continue;
        }
        expect([template, "text" in rendered ? rendered.text : undefined]).toEqual([template, text]);
        outcomes[text === undefined ? "refused" : "text"] += 1;
      }
    }
    // The cases are worth something: many render, and few are left out.
    expect(outcomes.text).toBeGreaterThan(CASES * 0.3);
    expect(outcomes.leftOut).toBeLessThan(CASES * 0.1);
  },
  FUZZ_MS + 60_000,
);
