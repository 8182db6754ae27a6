// Annotations with templates in them become text; one that is broken stays as it is, and somebody is told.
import type { PostedAlert } from "./payload.ts";
import { MAX_STEPS, renderTemplate } from "./template/index.ts";

/** Of all templates that one request brings; a million steps are a third of a second. */
const STEPS_PER_REQUEST = 1_000_000;
/** Templates rendered in one turn of the event loop: 20 of the worst are 50 ms. */
const STEPS_PER_TURN = 20 * MAX_STEPS;

/** Changes the alerts in place. `warn` hears of each broken template. */
export async function annotate(
  alerts: readonly PostedAlert[],
  warn: (annotation: string, reason: string) => void,
): Promise<void> {
  const budget = { steps: STEPS_PER_REQUEST };
  let turnEnds = budget.steps - STEPS_PER_TURN;
  for (const { labels, annotations } of alerts) {
    for (const [name, source] of Object.entries(annotations)) {
      if (!source.includes("{{")) continue;
      const rendered = renderTemplate(source, labels, budget);
      if ("warning" in rendered) warn(name, rendered.warning);
      else Object.defineProperty(annotations, name, { value: rendered.text.replaceAll("\0", "\ufffd") });
      if (budget.steps < turnEnds) {
        turnEnds = budget.steps - STEPS_PER_TURN;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
}
