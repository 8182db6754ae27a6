// The appliance's side: upload, list, download, delete. And the download links that operators hand out.
import { Elysia } from "elysia";
import { clientAddress } from "../../http/edge/credentials.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery, refuseRepeated } from "../../http/edge/query.ts";
import type { Authenticate, AuthenticatedSystem } from "../systems/index.ts";
import type { BackupId } from "./names.ts";
import { readId } from "./names.ts";
import type { LinkProof } from "./download/links.ts";
import { LinkQuery, OwnBackups, Uploaded } from "./schema.ts";
import type { OwnBackup } from "./schema.ts";

export interface BackupRoutesDeps {
  authenticate: Authenticate;
  upload(system: AuthenticatedSystem, request: Request, address: string): Promise<Uploaded>;
  list(systemId: string): Promise<OwnBackup[]>;
  download(systemId: string, id: BackupId, request: Request): Promise<Response>;
  remove(systemId: string, id: BackupId): Promise<string>;
  downloadByLink(id: BackupId, proof: LinkProof, request: Request, address: string): Promise<Response>;
}

/** Longer than our own patience with a silent client, which answers it with a 408; seconds. */
const IDLE_SECONDS = 120;

export function applianceRoutes({ authenticate, upload, list, download, remove, downloadByLink }: BackupRoutesDeps) {
  return new Elysia()
    .post(
      "/systems/backups",
      async ({ request, server, set }) => {
        const system = await authenticate(request, server);
        server?.timeout(request, IDLE_SECONDS);
        const uploaded = await upload(system, request, clientAddress(server, request));
        set.status = 201;
        return envelope("backup stored", uploaded, 201);
      },
      {
        parse: "none",
        detail: operation({
          summary: "Upload a backup: any bytes; X-Filename names it, X-Content-SHA256 (hex) is verified",
          auth: "system",
          data: Uploaded,
          status: 201,
        }),
      },
    )
    .get(
      "/systems/backups",
      async ({ request, server }) => {
        const { id } = await authenticate(request, server);
        return envelope("backups listed", { backups: await list(id) });
      },
      { detail: operation({ summary: "The system's own backups, newest first", auth: "system", data: OwnBackups }) },
    )
    .get(
      "/systems/backups/:id",
      async ({ request, server, params }) => {
        const system = await authenticate(request, server);
        server?.timeout(request, IDLE_SECONDS);
        return download(system.id, readId(params.id), request);
      },
      { detail: operation({ summary: "A backup's bytes, whole or a range of them", auth: "system" }) },
    )
    .delete(
      "/systems/backups/:id",
      async ({ request, server, params }) => {
        const system = await authenticate(request, server);
        return envelope("backup deleted", { id: await remove(system.id, readId(params.id)) });
      },
      {
        parse: "none",
        detail: operation({ summary: "Delete a backup that is neither pinned nor locked", auth: "system" }),
      },
    )
    .get(
      "/backups/:id/download",
      async ({ request, server, params, query }) => {
        const id = readId(params.id);
        server?.timeout(request, IDLE_SECONDS);
        refuseRepeated(request.url);
        return downloadByLink(id, readQuery(LinkQuery, query), request, clientAddress(server, request));
      },
      {
        detail: operation({
          summary: "A backup's bytes, by a link that an operator made",
          auth: "none",
          query: LinkQuery,
        }),
      },
    );
}
