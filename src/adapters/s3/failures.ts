// Names what S3 refused, and a missing answer, for those who store objects.
import { Failure } from "../../errors.ts";

interface Answer {
  name: string;
  status: number | undefined;
  system: string;
}

function read(error: unknown): Answer | undefined {
  if (!(error instanceof Error)) return undefined;
  const metadata = "$metadata" in error && typeof error.$metadata === "object" ? error.$metadata : undefined;
  const status = metadata && "httpStatusCode" in metadata ? Number(metadata.httpStatusCode) : undefined;
  const system = "code" in error && typeof error.code === "string" ? error.code : "";
  return { name: error.name, status, system };
}

/** Whether the object is missing. A missing bucket is an error instead. */
export function isMissing(error: unknown): boolean {
  const answer = read(error);
  return answer?.status === 404 && answer.name !== "NoSuchBucket";
}

/** Whether the store does not support the request, or the key may not make it. */
export function isRefused(error: unknown): boolean {
  const answer = read(error);
  return answer?.status !== undefined && answer.status >= 400 && answer.status < 500 && answer.name !== "NoSuchBucket"
    ? true
    : answer?.status === 501;
}

const FULL = /QuotaExceeded|StorageFull|InsufficientStorage|EntityTooLarge/i;

/** Turns S3's errors into Failures: 503 for a store that is away, 502 for one that answers wrongly. Returns other errors unchanged. */
export function s3Failure(error: unknown): unknown {
  if (error instanceof Failure) return error;
  const answer = read(error);
  if (!answer) return error;
  const { name, status, system } = answer;
  const options = { cause: error, detail: `${name}: ${error instanceof Error ? error.message : ""} ${system}`.trim() };
  if (status === 412 || status === 409) return conflict(options.detail, error);
  if (status === 507 || FULL.test(name)) return new Failure("storage.full", 507, "the backup storage is full", options);
  if (status === undefined || status === 503 || status === 429 || name === "NoSuchBucket")
    return new Failure("storage.unavailable", 503, "backup storage unavailable", { ...options, retryAfterSeconds: 5 });
  return new Failure("storage.failed", 502, "backup storage failed", options);
}

export const hangs = (seconds: number) =>
  new Failure("storage.unavailable", 503, "backup storage unavailable", {
    detail: `S3 did nothing for ${seconds} s`,
    retryAfterSeconds: 5,
  });

export const conflict = (detail: string, cause?: unknown) =>
  new Failure("objects.exists", 409, "an object of this key exists already", { detail, cause });
