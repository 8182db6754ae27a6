// Speaks HTTP as an appliance does: keep-alive, bounded, and patient with 429 and 503 as curl --retry is.
import { Failure } from "../errors.ts";

interface Answer {
  status: number;
  /** `data` of the envelope. */
  data: Record<string, unknown>;
  /** From the first attempt's start to the last attempt's answer. */
  ms: number;
}

export interface Client {
  send(method: string, path: string, authorization: string, body?: string): Promise<Answer>;
}

interface ClientOptions {
  url: string;
  /** Every answer of every attempt; 0 for none. */
  onStatus?: (status: number) => void;
}

/** As the appliances' curl: three more attempts after a 429 or 503, each after the Retry-After it was told. */
const RETRIES = 3;
const TIMEOUT_MS = 180_000;
const MAX_RETRY_AFTER_SECONDS = 10;

export function openClient({ url, onStatus = () => {} }: ClientOptions): Client {
  return {
    async send(method, path, authorization, body) {
      const startMs = performance.now();
      for (let attempt = 0; ; attempt++) {
        const response = await fetch(new URL(path, url), {
          method,
          headers: {
            ...(authorization && { authorization }),
            ...(body !== undefined && { "content-type": "application/json" }),
          },
          ...(body === undefined ? {} : { body }),
          signal: AbortSignal.timeout(TIMEOUT_MS),
        }).catch(() => undefined);
        onStatus(response?.status ?? 0);
        const text = (await response?.text().catch(() => "")) ?? "";
        const status = response?.status ?? 0;
        if ((status !== 429 && status !== 503) || attempt >= RETRIES)
          return { status, data: dataOf(text), ms: performance.now() - startMs };
        const seconds = Number(response?.headers.get("retry-after") ?? 1) || 1;
        await Bun.sleep(Math.min(seconds, MAX_RETRY_AFTER_SECONDS) * 1000);
      }
    },
  };
}

/** Returns the data of an operator's call, or throws a Failure with the gateway's answer. */
export async function ask(client: Client, token: string, method: string, path: string, body?: unknown) {
  const { status, data } = await client.send(
    method,
    path,
    `Bearer ${token}`,
    body === undefined ? undefined : JSON.stringify(body),
  );
  if (status >= 200 && status < 300) return data;
  const sentence = status === 0 ? "gave no answer" : `answered ${status}`;
  throw new Failure("simulate.refused", 502, `The gateway ${sentence} to ${method} ${path.split("?")[0]}.`);
}

function dataOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text).data ?? {};
  } catch {
    return {};
  }
}
