// Renders annotations that are templates into text; one that is broken stays as it is, and `warn` hears of it.
import type { PostedAlert } from "./payload.ts";
import { readLabels, renderTemplate } from "../../../gotemplate/index.ts";
import type { Labels } from "../../../gotemplate/index.ts";

/** Of all templates that one request brings; a hundred of the worst. */
const STEPS_PER_REQUEST = 1_000_000;
/** After so much rendering in one go, others have their turn. */
const TURN_MS = 10;

/** Changes the alerts in place. `warn` hears of each broken template. */
export async function annotate(
  alerts: readonly PostedAlert[],
  warn: (annotation: string, reason: string) => void,
): Promise<void> {
  const budget = { steps: STEPS_PER_REQUEST };
  let turnEndsMs = performance.now() + TURN_MS;
  for (const { labels, annotations } of alerts) {
    let data: Labels | undefined;
    for (const [name, source] of Object.entries(annotations)) {
      if (!source.includes("{{")) continue;
      const rendered = renderTemplate(source, (data ??= readLabels(labels)), budget);
      if ("warning" in rendered) warn(name, rendered.warning);
      else Object.defineProperty(annotations, name, { value: rendered.text.replaceAll("\0", "\ufffd") });
      if (performance.now() < turnEndsMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnEndsMs = performance.now() + TURN_MS;
    }
  }
}
