// Posts alerts that are not in order: such as are refused at the door, and such as only Alertmanager refuses.
import type { Answer } from "../app.ts";

/** Sends a body to `POST …/alerts` as the attacker. */
export type PostAlerts = (body: string) => Promise<Pick<Answer, "status" | "text">>;

export interface BadAlerts {
  count: number;
  /** Label that all of them bear, so that who stands behind can tell them. */
  alertname?: string;
}

/** In one post, each with the 30th of February as its start. */
export const postImpossibleDates = (post: PostAlerts, { count, alertname = "Impossible" }: BadAlerts) =>
  post(listOf(count, (index) => ({ labels: { alertname, index }, startsAt: "2026-02-30T00:00:00Z" })));

/** In one post, each in order: what stands behind must be what refuses them. */
export const postRefusedLater = (post: PostAlerts, { count, alertname = "RefusedLater" }: BadAlerts) =>
  post(listOf(count, (index) => ({ labels: { alertname, index } })));

const listOf = (count: number, make: (index: string) => unknown) =>
  JSON.stringify(Array.from({ length: count }, (_, index) => make(String(index))));
