// A process of its own: an appliance that beats, posts inventories and alerts while somebody else attacks, and says how it fared.
// Arguments: URL of the gateway, its Authorization, pid of the gateway. Ends, and prints a report as JSON, when its stdin closes.
import { readFileSync } from "node:fs";
import type { NeighborReport } from "./neighborhood.ts";

const [url = "", authorization = "", pid = "0"] = process.argv.slice(2);
/** Longer than any client of an appliance waits: beyond it there is no answer. */
const PATIENCE_MS = 15_000;
const PAUSE_MS = 40;
/** Every so many beats also an inventory, and an alert. */
const BEATS_PER_INVENTORY = 30;

const report: NeighborReport = { answered: 0, faults: [], waitedMs: [], behindMs: [], largestBytes: 0 };
let isOver = false;
void Bun.stdin.text().then(() => (isOver = true));

for (let turn = 0; !isOver; turn += 1) {
  await send("systems/heartbeat", undefined);
  if (turn % BEATS_PER_INVENTORY === 3)
    await send("systems/inventory", { fqdn: "neighbor.example.org", facts: { distro: { version: `8.${turn}` } } });
  if (turn % BEATS_PER_INVENTORY === 6)
    await send("services/mimir/alertmanager/api/v2/alerts", [
      { labels: { alertname: `Neighbor${turn}`, severity: "warning" }, annotations: { summary: "{{.alertname}}" } },
    ]);
  report.largestBytes = Math.max(report.largestBytes, residentBytes());
  await Bun.sleep(PAUSE_MS);
}
console.log(JSON.stringify(report));

async function send(path: string, body: unknown): Promise<void> {
  const startMs = performance.now();
  const startLoopMs = loopMs();
  try {
    const answer = await fetch(`${url}/collect/api/${path}`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await answer.text();
    if (answer.status === 200) report.answered += 1;
    else report.faults.push(`${path}: ${answer.status} ${text.slice(0, 200)}`);
  } catch (error) {
    report.faults.push(`${path}: ${String(error)}`);
  }
  report.behindMs.push(loopMs() - startLoopMs);
  report.waitedMs.push(performance.now() - startMs);
}

/** CPU time of the gateway's main thread, on which it answers: what others' work puts before ours, however busy the machine is. */
function loopMs(): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
}

function residentBytes(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
}
