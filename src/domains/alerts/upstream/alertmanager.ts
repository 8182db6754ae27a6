// Calls Alertmanager's API v2, of Grafana Mimir or of Alertmanager itself, and checks each answer before it is used.
import { Failure } from "../../../errors.ts";
import { RETRY_AFTER_SECONDS, forward, readBounded } from "../../../http/edge/forward.ts";
import type { Clock } from "../../../ports/clock.ts";
import { JsonFault, parseJsonText } from "../../../values/json/parse.ts";
import { ArrayFault, readArray } from "../../../values/json/array.ts";
import { isRecord } from "../../../values/json/record.ts";

/** An alert as Alertmanager takes it. */
export interface PostedAlert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  /** Absent: until Alertmanager's own resolve_timeout. */
  endsAt?: string;
  generatorURL?: string;
}

interface Answer {
  status: number;
  /** Parsed; undefined for an empty body. */
  value: unknown;
}

export interface Alertmanager {
  /** 200, or a 4xx with Alertmanager's own message; any other answer is a Failure 502 or 503. */
  call(tenant: string, request: Call): Promise<Answer>;
  /** Elements of a list for which `keep` is true; the whole list is never in memory. */
  list(tenant: string, request: ListCall): Promise<unknown[]>;
}

interface Call {
  method: "GET" | "POST" | "DELETE";
  /** Below …/api/v2/. */
  path: string;
  query?: URLSearchParams;
  /** JSON. */
  body?: string;
  signal?: AbortSignal | undefined;
}

interface ListCall extends Pick<Call, "query" | "signal"> {
  path: "alerts" | "silences";
  /** A list of a whole tenant may take longer than one of a system. */
  isWhole?: boolean;
  keep(element: unknown): boolean;
}

const SERVICE = "Alertmanager";
const TIMEOUT_MS = 10_000;
/** With Mimir's limits a tenant has 16,384 alerts. */
const WHOLE_TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 1024 ** 2;
const MAX_ELEMENT_BYTES = 1024 ** 2;

/** Base URL of the API, and the header with its credentials. */
function addressOf(url: string): { base: string; authorization: Record<string, string> } {
  const { origin, pathname, username, password } = new URL(url);
  const prefix = pathname.replace(/\/+$/, "");
  const base = `${origin}${/\/api\/v2$/.test(prefix) ? prefix : `${prefix.replace(/\/alertmanager$/, "")}/alertmanager/api/v2`}`;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization: Record<string, string> =
    credentials === ":" ? {} : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
  return { base, authorization };
}

/** Asks for its status with the gateway's own credentials. Throws when it does not answer in time. */
export async function askAlertmanager(url: string): Promise<{ address: string; status: number }> {
  const { base, authorization } = addressOf(url);
  const headers = { accept: "application/json", "x-scope-orgid": "default", ...authorization };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(`${base}/status`, { headers, signal, redirect: "manual" });
  await response.body?.cancel();
  return { address: base, status: response.status };
}

/** `url` is Mimir's, or Alertmanager's up to its prefix; one that ends in /api/v2 is used unchanged. */
export function openAlertmanager({ url, clock }: { url: string; clock: Clock }): Alertmanager {
  const { base, authorization } = addressOf(url);

  const request = (tenant: string, { method, path, query, body, signal }: Call, timeoutMs: number) => ({
    service: SERVICE,
    url: `${base}/${path}${query && query.size > 0 ? `?${query}` : ""}`,
    method,
    headers: {
      accept: "application/json",
      "x-scope-orgid": tenant,
      ...authorization,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body }),
    signal,
    timeoutMs,
  });

  return {
    call: (tenant, call) =>
      forward(clock, request(tenant, call, TIMEOUT_MS), async (response) => {
        refuseAway(response);
        return {
          status: response.status,
          value: parse(response, await readBounded(response, SERVICE, MAX_ANSWER_BYTES)),
        };
      }),

    list: (tenant, { keep, isWhole, ...call }) =>
      forward(
        clock,
        request(tenant, { ...call, method: "GET" }, isWhole ? WHOLE_TIMEOUT_MS : TIMEOUT_MS),
        async (response) => {
          refuseAway(response);
          if (response.status !== 200) {
            const said = parse(response, await readBounded(response, SERVICE, MAX_ANSWER_BYTES));
            throw new Failure(
              "alerts.refused",
              400,
              typeof said === "string" ? said : "Alertmanager refused the query",
            );
          }
          const kept: unknown[] = [];
          try {
            for await (const element of readArray(response.body ?? [], { elementBytes: MAX_ELEMENT_BYTES }))
              if (keep(element)) kept.push(element);
          } catch (error) {
            if (error instanceof ArrayFault) throw strange(response, error.message);
            throw error;
          }
          return kept;
        },
      ),
  };
}

/** Mimir answers 406 while it starts a tenant's Alertmanager. A redirect, a login page or a 401 is not the appliance's fault. */
function refuseAway({ status }: Response): void {
  if (status === 200 || status === 400 || status === 404 || status === 409 || status === 413 || status === 422) return;
  throw new Failure("upstream.away", 503, "Alertmanager is not ready", {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    detail: `it answered ${status}`,
  });
}

function parse(response: Response, text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return parseJsonText(text);
  } catch (error) {
    throw error instanceof JsonFault ? strange(response, error.message) : error;
  }
}

const strange = ({ status, headers }: Response, reason: string) =>
  new Failure("upstream.strange", 502, "Alertmanager's answer cannot be read", {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    detail: `${status} with ${headers.get("content-type") ?? "no content type"}: ${reason.slice(0, 200)}`,
  });

/** For an answer that is not the expected 200: Alertmanager's own message where it has one. */
export function refusalOf({ status, value }: Answer): Failure {
  const said = typeof value === "string" ? value : isRecord(value) ? String(value["message"] ?? "") : "";
  if (status === 200 || status === 404 || said === "")
    return new Failure("upstream.strange", 502, "Alertmanager's answer cannot be read", {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      detail: `it answered ${status}`,
    });
  return new Failure("alerts.refused", 400, said.slice(0, 2_000));
}
