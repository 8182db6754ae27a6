// Serves operators' requests about backups: list, look, download, hand out links, pin, verify, delete; alerts and freshness.
import { Elysia } from "elysia";
import { clientAddress } from "../../http/edge/credentials.ts";
import { route } from "../../http/edge/route.ts";
import type { BackupsApi } from "./api.ts";
import { AlertsQuery, Backup, BackupDetails, BackupPage, BackupsQuery, LinkRequest } from "./schema.ts";

const IDLE_SECONDS = 120;

export function adminRoutes(api: BackupsApi) {
  const app = new Elysia();
  route(
    app,
    "GET",
    "/backups",
    { summary: "Backups of all systems, newest first", query: BackupsQuery, data: BackupPage, says: "backups listed" },
    ({ actor, query }) => api.list(actor, query),
  );
  route(
    app,
    "GET",
    "/backups/alerts",
    {
      summary: "What is wrong with backups: damaged, lost, stale, shrunk",
      query: AlertsQuery,
      says: "backup alerts listed",
    },
    ({ actor, query }) => api.alerts(actor, query),
  );
  route(
    app,
    "GET",
    "/backups/:id",
    {
      summary: "One backup, with its open alerts and who downloaded it",
      data: BackupDetails,
      says: "backup found",
    },
    ({ actor, params }) => api.show(actor, params.id),
  );
  route(
    app,
    "GET",
    "/backups/:id/content",
    { summary: "A backup's bytes; logged", idleSeconds: IDLE_SECONDS },
    ({ actor, params, request, server }) => api.content(actor, params.id, request, clientAddress(server, request)),
  );
  route(
    app,
    "POST",
    "/backups/:id/link",
    {
      summary:
        "A link that downloads the backup without credentials until it expires or its maker is revoked; each use is logged",
      body: LinkRequest,
      says: "download link made",
    },
    ({ actor, params, body: { ttl_seconds } }) => api.link(actor, params.id, ttl_seconds),
  );
  route(
    app,
    "POST",
    "/backups/:id/pin",
    { summary: "Keep the backup until it is unpinned", data: Backup, says: "backup pinned" },
    ({ actor, params }) => api.pin(actor, params.id),
  );
  route(
    app,
    "POST",
    "/backups/:id/unpin",
    { summary: "Let retention and deletion have the backup again", data: Backup, says: "backup unpinned" },
    ({ actor, params }) => api.unpin(actor, params.id),
  );
  route(
    app,
    "POST",
    "/backups/:id/verify",
    { summary: "Read the backup back and compare its hash, now", says: "backup verified" },
    ({ actor, params }) => api.verify(actor, params.id),
  );
  route(
    app,
    "DELETE",
    "/backups/:id",
    { summary: "Delete a backup that is neither pinned nor locked", data: Backup, says: "backup deleted" },
    ({ actor, params }) => api.remove(actor, params.id),
  );
  route(
    app,
    "GET",
    "/systems/:key/backups",
    {
      summary: "One system's backups, their freshness and open alerts",
      says: "system backups",
    },
    ({ actor, params }) => api.ofSystem(actor, params.key),
  );
  return app;
}
