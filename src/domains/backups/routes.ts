// Serves appliances' uploads, lists, downloads and deletions, and the download links that operators hand out.
import { Elysia } from "elysia";
import { clientAddress } from "../../http/edge/credentials.ts";
import { route } from "../../http/edge/route.ts";
import type { Asked } from "../../http/edge/route.ts";
import type { Authenticate, AuthenticatedSystem } from "../systems/index.ts";
import type { BackupId } from "./names.ts";
import { readId } from "./names.ts";
import type { LinkProof } from "./download/links.ts";
import { LinkQuery, OwnBackups, Uploaded } from "./schema.ts";
import type { OwnBackup } from "./schema.ts";

interface BackupRoutesDeps {
  authenticate: Authenticate;
  upload(system: AuthenticatedSystem, request: Request, address: string): Promise<Uploaded>;
  list(systemId: string): Promise<OwnBackup[]>;
  download(systemId: string, id: BackupId, request: Request): Promise<Response>;
  remove(systemId: string, id: BackupId): Promise<string>;
  downloadByLink(id: BackupId, proof: LinkProof, request: Request, address: string): Promise<Response>;
}

/** In seconds; longer than the upload's own stall limit, which answers a silent client with 408. */
const IDLE_SECONDS = 120;

export function applianceRoutes({ authenticate, upload, list, download, remove, downloadByLink }: BackupRoutesDeps) {
  const app = new Elysia();
  const bySystem = { auth: "system", caller: ({ request, server }: Asked<string>) => authenticate(request, server) };
  route(
    app,
    "POST",
    "/systems/backups",
    {
      summary: "Upload a backup: any bytes; X-Filename names it, X-Content-SHA256 (hex) is verified",
      ...bySystem,
      idleSeconds: IDLE_SECONDS,
      data: Uploaded,
      status: 201,
      says: "backup stored",
    },
    ({ caller, request, server }) => upload(caller, request, clientAddress(server, request)),
  );
  route(
    app,
    "GET",
    "/systems/backups",
    { summary: "The system's own backups, newest first", ...bySystem, data: OwnBackups, says: "backups listed" },
    async ({ caller }) => ({ backups: await list(caller.id) }),
  );
  route(
    app,
    "GET",
    "/systems/backups/:id",
    { summary: "A backup's bytes, whole or a range of them", ...bySystem, idleSeconds: IDLE_SECONDS },
    ({ caller, params, request }) => download(caller.id, readId(params.id), request),
  );
  route(
    app,
    "DELETE",
    "/systems/backups/:id",
    { summary: "Delete a backup that is neither pinned nor locked", ...bySystem, says: "backup deleted" },
    async ({ caller, params }) => ({ id: await remove(caller.id, readId(params.id)) }),
  );
  route(
    app,
    "GET",
    "/backups/:id/download",
    {
      summary: "A backup's bytes, by a link that an operator made",
      auth: "none",
      caller: ({ params }) => readId(params.id),
      idleSeconds: IDLE_SECONDS,
      query: LinkQuery,
    },
    ({ caller: id, query, request, server }) => downloadByLink(id, query, request, clientAddress(server, request)),
  );
  return app;
}
