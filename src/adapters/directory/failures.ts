// Names what the file system refused, for those who store objects.
import { Failure } from "../../errors.ts";

export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

export const conflict = (key: string) =>
  new Failure("objects.exists", 409, "an object of this key exists already", { detail: key });

/** Turns system errors into Failures; returns every other error, such as the body's own, unchanged. */
export function storageFailure(error: unknown): unknown {
  if (error instanceof Failure) return error;
  const code = codeOf(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new Failure("storage.full", 507, "the backup storage is full", { detail: String(error), cause: error });
  }
  if (/^E[A-Z0-9]+$/.test(code)) {
    const options = { detail: String(error), cause: error, retryAfterSeconds: 5 };
    return new Failure("storage.unavailable", 503, "backup storage unavailable", options);
  }
  return error;
}
