// Attacks with bodies that are dear to read for their size: brackets within brackets, of nobody and of a known system.

export interface NestedBodies {
  /** The gateway's main listener. */
  url: string;
  signal: AbortSignal;
  /** Of a known system, which posts alerts with deep annotations too. */
  authorization?: string;
  /** Requests under way at once. */
  concurrent?: number;
  report?: NestedReport;
}

/** Grows while the attack goes on. */
export interface NestedReport {
  sentBytes: number;
  /** Answers by status. */
  answers: Record<string, number>;
}

const ALERTS = "/collect/api/services/mimir/alertmanager/api/v2/alerts";
const nested = (bytes: number) => "[".repeat(bytes / 2) + "]".repeat(bytes / 2);

/** Posts one after the other, in so many lines, until the signal aborts. */
export async function attackWithNestedBodies(attack: NestedBodies): Promise<NestedReport> {
  const { url, signal, authorization, concurrent = 4, report = { sentBytes: 0, answers: {} } } = attack;
  const annotated = `{"labels":{"alertname":"Deep"},"annotations":{"summary":${nested(60_000)}}}`;
  const posts: [path: string, body: string][] = [
    ["/api/systems/register", nested(65_000)],
    ["/api/systems/register", nested(8_000)],
    ...(authorization === undefined
      ? []
      : ([
          ["/api/systems/inventory", `{"facts":${nested(1_000_000)}}`],
          [ALERTS, `[${Array(40).fill(annotated).join(",")}]`],
          [ALERTS, nested(60_000)],
        ] satisfies [string, string][])),
  ];
  const line = async () => {
    for (let at = 0; !signal.aborted; at += 1) {
      const [path = "", body = ""] = posts[at % posts.length] ?? [];
      const headers: Record<string, string> =
        authorization === undefined || path.endsWith("/register") ? {} : { authorization };
      const answer = await fetch(`${url}${path}`, { method: "POST", headers, body }).then(
        async (response) => (await response.text(), String(response.status)),
        () => "none",
      );
      report.sentBytes += body.length;
      report.answers[answer] = (report.answers[answer] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: concurrent }, line));
  return report;
}
