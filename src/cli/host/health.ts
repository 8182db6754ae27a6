// Asks the gateway on this machine whether it is alive or ready, for container engines and people: muster health.
import { get } from "node:http";
import type { Config } from "../../app/settings.ts";
import { reasonOf } from "../../errors.ts";
import { parseJsonText } from "../../values/json/parse.ts";
import type { Given } from "../arguments.ts";
import { action } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";

interface Finding {
  healthy: boolean;
  /** The URL that was asked. */
  url: string;
  /** The answer in one sentence. */
  finding: string;
}

export const health: Verb = {
  name: "health",
  summary: "Ask the running gateway whether it is alive, or ready.",
  actions: {
    "": action({
      flags: { ready: true },
      hint: "asks /health whether it is alive; with --ready asks /ready whether it can also work",
      run: tellHealth,
    }),
  },
  notes:
    "Asks at HEALTH_LISTEN_ADDRESS, for 4 s at most, and needs no database. Exit code 0 when all is well, 1 otherwise.",
};

async function tellHealth({ json, ready = false }: Given<{ ready: true }>, cli: Cli): Promise<number> {
  const path = ready ? "/ready" : "/health";
  const found = await firstAnswer(originsOf(cli.config().http.healthListenAddress).map((origin) => `${origin}${path}`));
  cli.print(json ? JSON.stringify(found) : found.finding);
  return found.healthy ? 0 : 1;
}

/** Longer than /ready takes when one of its checks hangs; shorter than what engines give a health check. */
const ANSWER_MS = 4_000;
const MAX_ANSWER_BYTES = 1024 ** 2;

/** An address for every interface cannot be asked; the loopback is one of them. Where IPv6 is switched off, `::` is IPv4 alone. */
function originsOf({ hostname, port }: Config["http"]["healthListenAddress"]): string[] {
  const isEvery = /^[0.:]+$/.test(hostname);
  const isIPv6 = hostname.includes(":");
  const hosts = isEvery ? (isIPv6 ? ["[::1]", "127.0.0.1"] : ["127.0.0.1"]) : [isIPv6 ? `[${hostname}]` : hostname];
  return hosts.map((host) => `http://${host}:${port}`);
}

async function firstAnswer([url = "", ...others]: string[]): Promise<Finding> {
  const unwell = (finding: string) => ({ healthy: false, url, finding });
  if (/:0\/\w+$/.test(url))
    return unwell(
      "HEALTH_LISTEN_ADDRESS lets the system choose the port: set it to the one that the gateway's log names.",
    );
  try {
    return { url, ...judge(url, await ask(url)) };
  } catch (error) {
    if (error instanceof Late) return unwell(`${url} did not answer within ${ANSWER_MS / 1_000} s.`);
    if (others.length > 0) return await firstAnswer(others);
    return unwell(`No answer from ${url} (${reasonOf(error)}). Is muster serve running?`);
  }
}

class Late extends Error {}

interface Answer {
  status: number;
  text: string;
}

/** Does not use fetch, which would go through HTTP_PROXY even to the loopback. */
async function ask(url: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = get(url, { agent: false }, (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) reject(new Error("its answer has no end"));
      else chunks.push(chunk);
    });
    response.on("end", () =>
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
    );
    response.on("error", reject);
  });
  request.on("error", reject);
  const timer = setTimeout(() => reject(new Late()), ANSWER_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    request.destroy();
  }
}

type Check = { status: string; reason?: string };

function judge(url: string, { status, text }: Answer): Pick<Finding, "healthy" | "finding"> {
  const answer = parseAnswer(text);
  if (!answer || ![200, 503].includes(status))
    return { healthy: false, finding: `What answers at ${url} (with ${status}) is not Muster.` };
  const ills = Object.entries(answer.data?.checks ?? {}).filter(([, check]) => check.status !== "ok");
  const reasons = ills.map(([name, { reason }]) => (reason ? `${name}: ${reason}` : name)).join("; ");
  return { healthy: status === 200, finding: `${url} says: ${answer.message}${reasons && ` (${reasons})`}.` };
}

function parseAnswer(text: string): { message: string; data?: { checks?: Record<string, Check> } } | undefined {
  try {
    const answer = parseJsonText(text) as ReturnType<typeof parseAnswer>;
    return typeof answer?.message === "string" ? answer : undefined;
  } catch {
    return undefined;
  }
}
