// A gateway killed at any instant: every alert that was answered with 200 reaches Alertmanager, its states never backwards.
import { expect, test } from "bun:test";
import { basic } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { runJson, startGateway } from "../support/program.ts";
import { API, startUpstream } from "../domains/alerts/fixture.ts";

const ROUNDS = 5;
const POSTERS = 4;
const NAMES = 10;

interface System {
  system_key: string;
  system_secret: string;
}

test("every state that was acknowledged before a SIGKILL, or a newer one, reaches Alertmanager, in order", async () => {
  const delivered = new Map<string, number[]>();
  await using upstream = startUpstream(({ method }, body) => {
    if (method === "GET") return Response.json([]);
    for (const { labels, annotations } of JSON.parse(body) as Record<string, Record<string, string>>[])
      delivered.set(labels?.["alertname"] ?? "", [
        ...(delivered.get(labels?.["alertname"] ?? "") ?? []),
        Number(annotations?.["value"]),
      ]);
    return new Response(null, { status: Math.random() < 0.2 ? 500 : 200 });
  });
  await using fixture = await createTestDatabase();
  const env = { DATABASE_URL: fixture.url, MIMIR_URL: upstream.url, ALERTS_RATE_PER_MINUTE: "1000000" };
  const system = await runJson<System>(["systems", "add", "--name", "K"], { env });
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const gateway = await startGateway({ env });
    if (round === 0)
      await fetch(`${gateway.url}/api/systems/register`, { method: "POST", body: JSON.stringify(system) });
    const posters = Array.from({ length: POSTERS }, (_, poster) =>
      postUntilRefused(gateway.url, system, `P${poster}`, round * 1_000_000, acknowledged),
    );
    await Bun.sleep(200 + 110 * round);
    process.kill(gateway.pid, "SIGKILL");
    await Promise.all(posters);
    await gateway[Symbol.asyncDispose]();
  }
  expect(acknowledged.size).toBe(POSTERS * NAMES);

  await using last = await startGateway({ env });
  const isBehind = () => [...acknowledged].filter(([name, value]) => (delivered.get(name)?.at(-1) ?? -1) < value);
  for (let tries = 0; tries < 800 && isBehind().length > 0; tries += 1) await Bun.sleep(100);
  expect(isBehind()).toEqual([]);
  for (const values of delivered.values()) expect(values).toEqual(values.toSorted((a, b) => a - b));
  expect(last.log()).not.toContain("ERROR");
}, 120_000);

/** Each alert's value grows from post to post; what was answered with 200 is noted. */
async function postUntilRefused(
  url: string,
  { system_key, system_secret }: System,
  prefix: string,
  from: number,
  acknowledged: Map<string, number>,
): Promise<void> {
  const headers = { authorization: basic(system_key, system_secret) };
  for (let value = from; ; value += 1) {
    const alertname = `${prefix}N${value % NAMES}`;
    const body = JSON.stringify([{ labels: { alertname }, annotations: { value: String(value) } }]);
    try {
      const { status } = await fetch(`${url}${API}/alerts`, { method: "POST", headers, body });
      if (status === 200) acknowledged.set(alertname, value);
    } catch {
      return;
    }
  }
}
