// The operator's side of backups: list, look, download, hand out links, pin, verify, delete; alerts and readiness.
import { Elysia } from "elysia";
import type { BodyReader } from "../../http/edge/body.ts";
import { clientAddress } from "../../http/edge/credentials.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { Operator } from "../operators/index.ts";
import type { BackupsApi } from "./api.ts";
import { AlertsQuery, Backup, BackupDetails, BackupPage, BackupsQuery, LinkRequest } from "./schema.ts";

const IDLE_SECONDS = 120;

export interface AdminRoutesDeps {
  backups: BackupsApi;
  body: BodyReader;
  operatorOf(request: Request): Operator;
}

export function adminRoutes({ backups, body, operatorOf }: AdminRoutesDeps) {
  return new Elysia()
    .get(
      "/backups",
      async ({ query }) => envelope("backups listed", await backups.list(readQuery(BackupsQuery, query))),
      {
        detail: operation({ summary: "Backups of all systems, newest first", query: BackupsQuery, data: BackupPage }),
      },
    )
    .get(
      "/backups/alerts",
      async ({ query }) => envelope("backup alerts listed", await backups.alerts(readQuery(AlertsQuery, query))),
      {
        detail: operation({ summary: "What is wrong with backups: damaged, lost, stale, shrunk", query: AlertsQuery }),
      },
    )
    .get("/backups/:id", async ({ params }) => envelope("backup found", await backups.show(params.id)), {
      detail: operation({ summary: "One backup, with its open alerts and who downloaded it", data: BackupDetails }),
    })
    .get(
      "/backups/:id/content",
      async ({ params, request, server }) => {
        server?.timeout(request, IDLE_SECONDS);
        return backups.content(params.id, request, clientAddress(server, request));
      },
      { detail: operation({ summary: "A backup's bytes; logged" }) },
    )
    .post(
      "/backups/:id/link",
      async ({ params, request }) => {
        const { ttl_seconds } = await body.json(request, LinkRequest);
        return envelope("download link made", await backups.link(params.id, operatorOf(request).id, ttl_seconds));
      },
      {
        parse: "none",
        detail: operation({
          summary:
            "A link that downloads the backup without credentials until it expires or its maker is revoked; each use is logged",
          body: LinkRequest,
        }),
      },
    )
    .post("/backups/:id/pin", async ({ params }) => envelope("backup pinned", await backups.pin(params.id)), {
      parse: "none",
      detail: operation({ summary: "Keep the backup until it is unpinned", data: Backup }),
    })
    .post("/backups/:id/unpin", async ({ params }) => envelope("backup unpinned", await backups.unpin(params.id)), {
      parse: "none",
      detail: operation({ summary: "Let retention and deletion have the backup again", data: Backup }),
    })
    .post("/backups/:id/verify", async ({ params }) => envelope("backup verified", await backups.verify(params.id)), {
      parse: "none",
      detail: operation({ summary: "Read the backup back and compare its hash, now" }),
    })
    .delete("/backups/:id", async ({ params }) => envelope("backup deleted", await backups.remove(params.id)), {
      parse: "none",
      detail: operation({ summary: "Delete a backup that is neither pinned nor locked", data: Backup }),
    })
    .get(
      "/systems/:key/backups",
      async ({ params }) => envelope("system backups", await backups.ofSystem(params.key)),
      { detail: operation({ summary: "One system's backups, how ready it is to be restored, and what is wrong" }) },
    );
}
