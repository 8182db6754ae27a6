// Labels posted alerts with the system's identity, and renders their annotations from those labels.
import type { Note } from "../../../domain.ts";
import { forceLabels } from "../labels/labels.ts";
import type { Identity } from "../labels/labels.ts";
import type { PostedAlert } from "../upstream/alertmanager.ts";
import { annotate } from "./annotate.ts";

export async function labelAlerts(
  alerts: readonly PostedAlert[],
  identity: Identity,
  warn: Note,
): Promise<PostedAlert[]> {
  const labelled = alerts.map((alert) => ({ ...alert, labels: forceLabels(alert.labels, identity) }));
  let broken: { annotation: string; reason: string; count: number } | undefined;
  await annotate(labelled, (annotation, reason) => {
    broken ??= { annotation, reason, count: 0 };
    broken.count += 1;
  });
  // One line a request: a sender with a broken rule repeats it with every post.
  if (broken)
    warn("An annotation is not a valid template; it is passed on unrendered.", {
      system_key: identity.labels.system_key,
      ...broken,
    });
  return labelled;
}
