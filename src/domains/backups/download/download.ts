// Answers with a backup's bytes: whole or one range, never compressed, with all that proves them.
import { Failure } from "../../../errors.ts";
import type { ObjectStore } from "../../../ports/objects.ts";
import { filenameOf } from "../names.ts";
import { readRange } from "./range.ts";
import type { Spool } from "./spool.ts";
import type { BackupRow } from "../store.ts";

interface DownloadDeps {
  objects: ObjectStore;
  spool: Spool;
  /** Called when the object of the row is missing. */
  lost(backup: BackupRow): Promise<void>;
}

type Downloadable = Pick<BackupRow, "objectKey" | "id" | "size" | "sha256" | "filename">;

export async function download(deps: DownloadDeps, backup: BackupRow, request: Request): Promise<Response> {
  const etag = `"${backup.sha256}"`;
  const headers = headersOf(backup, etag);
  if (matches(request.headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers });
  const range = readRange(request.headers, backup.size, etag);
  if (range === "unsatisfiable") {
    throw new Failure("backup.range", 416, "the range lies outside the backup", {
      headers: { "content-range": `bytes */${backup.size}`, "accept-ranges": "bytes" },
    });
  }
  const { first, last } = range === "whole" ? { first: 0, last: backup.size - 1 } : range;
  if (range !== "whole") headers["content-range"] = `bytes ${first}-${last}/${backup.size}`;
  headers["content-length"] = String(last - first + 1);
  const status = range === "whole" ? 200 : 206;
  if (request.method === "HEAD") return new Response(zeros(last - first + 1), { status, headers });
  const bytes = await open(deps, backup, { first, last });
  if (!bytes) {
    await deps.lost(backup);
    throw new Failure("backup.lost", 404, "backup is lost: its object is not in the store any more");
  }
  return new Response(bytes, { status, headers });
}

/** The listener sends a file or bytes with Content-Length, but a stream chunked and without it. */
async function open(
  { objects, spool }: DownloadDeps,
  { objectKey, size }: Downloadable,
  range: { first: number; last: number },
): Promise<Blob | Uint8Array<ArrayBuffer> | undefined> {
  if (objects.localPath) {
    const found = await objects.head(objectKey);
    return found && Bun.file(objects.localPath(objectKey)).slice(range.first, range.last + 1);
  }
  const whole = range.first === 0 && range.last === size - 1;
  const stream = await objects.get(objectKey, whole ? undefined : range);
  return stream && spool.gather(stream, range.last - range.first + 1);
}

const ZEROS = new Uint8Array(1024 * 1024);

/** Elysia answers HEAD by counting the bytes of a GET: zeros are counted instead, so that the store is not read. */
function zeros(length: number): ReadableStream<Uint8Array> {
  let left = length;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      const chunk = ZEROS.subarray(0, Math.min(left, ZEROS.length));
      left -= chunk.length;
      controller.enqueue(chunk);
    },
  });
}

function headersOf({ id, sha256, filename }: Downloadable, etag: string): Record<string, string> {
  return {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="${filenameOf(filename, id)}"`,
    "x-content-type-options": "nosniff",
    // Proxies may neither compress nor store it.
    "cache-control": "private, no-store, no-transform",
    "accept-ranges": "bytes",
    etag,
    "repr-digest": `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`,
  };
}

const matches = (header: string | null, etag: string) =>
  header !== null && header.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
