// Makes silences without end: many, large, long, and of the alert that would tell that the appliance is gone.

/** Sends a body to `POST …/silences` as the attacker, and returns the status of the answer. */
export type PostSilence = (body: unknown) => Promise<number>;

export interface SilenceFlood {
  count: number;
  /** When each ends. */
  endsAt: string;
  /** Characters of each comment. */
  commentLength?: number;
  atOnce?: number;
}

/** How often each status was answered. */
export async function floodSilences(
  post: PostSilence,
  { count, endsAt, commentLength = 0, atOnce = 20 }: SilenceFlood,
): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  for (let made = 0; made < count; made += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, count - made) }, (_, index) => made + index);
    const answers = await Promise.all(
      numbers.map((number) =>
        post({
          matchers: [{ name: "alertname", value: `Flood${number}`, isRegex: false }],
          startsAt: "2026-01-01T00:00:00Z",
          endsAt,
          createdBy: "attacker",
          comment: "x".repeat(commentLength),
        }),
      ),
    );
    for (const status of answers) statuses[status] = (statuses[status] ?? 0) + 1;
  }
  return statuses;
}

/** A silence that covers the dead link of the attacker itself, by its name or by whatever fits it. */
export const silenceOfDeadLink = (endsAt: string, by: "name" | "pattern" | "severity" | "nothing") => ({
  matchers: {
    name: [{ name: "alertname", value: "LinkFailed", isRegex: false }],
    pattern: [{ name: "alertname", value: "Link.*", isRegex: true }],
    severity: [{ name: "severity", value: "critical", isRegex: false }],
    nothing: [{ name: "system_key", value: ".+", isRegex: true }],
  }[by],
  startsAt: new Date().toISOString(),
  endsAt,
  createdBy: "attacker",
  comment: "",
});
