// Renders annotations that are templates into text; a broken one stays as it is and is reported to `warn`.
import type { PostedAlert } from "../upstream/alertmanager.ts";
import { readData, renderTemplate } from "../../../gotemplate/index.ts";
import type { StringMap } from "../../../gotemplate/index.ts";

/** Of all templates in one request: enough for a hundred of the most expensive. */
const STEPS_PER_REQUEST = 1_000_000;
/** After rendering for this long, other work of the event loop has its turn. */
const TURN_MS = 10;

/** Changes the alerts in place. Calls `warn` for each broken template. */
export async function annotate(
  alerts: readonly PostedAlert[],
  warn: (annotation: string, reason: string) => void,
): Promise<void> {
  const budget = { steps: STEPS_PER_REQUEST };
  let turnEndsMs = performance.now() + TURN_MS;
  for (const { labels, annotations } of alerts) {
    let data: StringMap | undefined;
    for (const [name, source] of Object.entries(annotations)) {
      if (!source.includes("{{")) continue;
      const rendered = renderTemplate(source, (data ??= readData(labels)), budget);
      if ("warning" in rendered) warn(name, rendered.warning);
      else Object.defineProperty(annotations, name, { value: rendered.text.replaceAll("\0", "\ufffd") });
      if (performance.now() < turnEndsMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnEndsMs = performance.now() + TURN_MS;
    }
  }
}
