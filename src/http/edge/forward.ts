// Calls a service behind Muster: bounded in time and bytes, ended with the caller; its failures become 502 and 503.
import { Failure, reasonOf } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";

interface ForwardRequest {
  /** How the service is called in sentences. */
  service: string;
  url: string;
  method: "GET" | "POST" | "DELETE";
  headers: Record<string, string>;
  body?: string;
  /** The caller's own connection: when it goes, the call ends. */
  signal?: AbortSignal | undefined;
  /** For the whole answer. */
  timeoutMs: number;
}

/** Senders obey it to the letter. */
export const RETRY_AFTER_SECONDS = 2;

/**
 * What `read` makes of the answer. 502 when the service cannot be reached or breaks off, 503 when it is too slow; a Failure
 * that `read` throws stays itself.
 */
export async function forward<Result>(
  clock: Clock,
  { service, url, signal, timeoutMs, ...request }: ForwardRequest,
  read: (response: Response) => Promise<Result>,
): Promise<Result> {
  const ending = new AbortController();
  let isSlow = false;
  const cancel = clock.after(timeoutMs, () => {
    isSlow = true;
    ending.abort();
  });
  const leave = () => ending.abort();
  if (signal?.aborted) ending.abort();
  signal?.addEventListener("abort", leave, { once: true });
  try {
    // Bodies are read as they are sent: an upstream that compresses against our word is not our client's trouble.
    return await read(await fetch(url, { ...request, signal: ending.signal, redirect: "manual" }));
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (signal?.aborted)
      throw new Failure("request.aborted", 400, "the client went away before its answer", { cause: error });
    const options = { retryAfterSeconds: RETRY_AFTER_SECONDS, detail: reasonOf(error), cause: error };
    if (isSlow) throw new Failure("upstream.slow", 503, `${service} does not answer in time`, options);
    throw new Failure("upstream.unreachable", 502, `${service} cannot be reached`, options);
  } finally {
    cancel();
    signal?.removeEventListener("abort", leave);
  }
}

/** The body as text, or a 502 for one that is longer. */
export async function readBounded(response: Response, service: string, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > maxBytes)
      throw new Failure("upstream.too_large", 502, `${service} answered with more than ${maxBytes} bytes`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks, length));
}
