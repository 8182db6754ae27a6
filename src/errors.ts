// Defines how things fail: `Failure` answers a client, `Permanent` and `Retry` steer the job runner.
import { hideUserinfos } from "./values/net/userinfo.ts";

/** HTTP statuses that Muster answers failures with; each is listed in design terms in docs/http.md. */
type FailureStatus = 400 | 401 | 403 | 404 | 408 | 409 | 411 | 413 | 415 | 416 | 422 | 429 | 500 | 502 | 503 | 507;

interface FailureOptions {
  /** Shown to the client in `data`. Never holds a secret. */
  data?: Record<string, unknown>;
  /** Only the log sees it. */
  detail?: string;
  cause?: unknown;
  /** Answered literally by clients, so at most 5 s wherever an appliance is on the other side. */
  retryAfterSeconds?: number;
  headers?: Record<string, string>;
  /**
   * What we depend on is away or full: waiting helps, and no job is to blame. So is every 503 and 507, unless it says false:
   * then only what was asked could not be done, and a job's try counts.
   */
  outage?: boolean;
}

/** A failure with a stable dotted code, an HTTP status and a sentence that may be shown. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly data: Record<string, unknown> | null;
  readonly detail: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Record<string, string>;
  readonly outage: boolean;

  constructor(
    readonly code: string,
    readonly status: FailureStatus,
    message: string,
    options: FailureOptions = {},
  ) {
    super(message, { cause: options.cause });
    this.data = options.data ?? null;
    this.detail = options.detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
    this.outage = options.outage ?? (status === 503 || status === 507);
  }
}

/** A job that can never succeed: it is buried at once, with this reason. */
export class Permanent extends Error {
  override readonly name = "Permanent";
}

/** A job that wants to be tried again after a stated wait instead of the usual backoff. */
export class Retry extends Error {
  override readonly name = "Retry";
  constructor(
    message: string,
    readonly afterMs: number,
  ) {
    super(message);
  }
}

/** What went wrong in one line, for logs and dead jobs: an Error's message, or the value's text, without passwords of URLs. */
export function reasonOf(error: unknown): string {
  if (error instanceof Failure && error.detail) return hideUserinfos(`${error.message} (${error.detail})`);
  return hideUserinfos(error instanceof Error ? error.message : String(error));
}
