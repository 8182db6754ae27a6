// The operator's side of systems: list, create, suspend, resume, rotate, erase.
import { Elysia } from "elysia";
import type { BodyReader } from "../../http/edge/body.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { Systems } from "./index.ts";
import {
  CreatedSystem,
  ListQuery,
  NewSystem,
  OldSecrets,
  RotatedSecret,
  Rotation,
  System,
  SystemDetail,
  SystemPage,
} from "./schema.ts";

type Verbs = Pick<Systems, "add" | "list" | "detail" | "suspend" | "resume" | "rotate" | "oldSecrets" | "erase">;

export function adminRoutes(systems: Verbs, body: BodyReader) {
  return new Elysia({ prefix: "/systems" })
    .get("/", async ({ query }) => envelope("systems listed", await systems.list(readQuery(ListQuery, query))), {
      detail: operation({ summary: "List systems by name", query: ListQuery, data: SystemPage }),
    })
    .post(
      "/",
      async ({ request, set }) => {
        const created = await systems.add(await body.json(request, NewSystem));
        set.status = 201;
        return envelope("system created", created, 201);
      },
      {
        parse: "none",
        detail: operation({
          summary: "Create a system; its secret is shown once",
          body: NewSystem,
          data: CreatedSystem,
          status: 201,
        }),
      },
    )
    .get("/old-secrets", async () => envelope("old secrets listed", { secrets: await systems.oldSecrets() }), {
      detail: operation({
        summary: "Secrets that a rotation replaced and that still open, most recently used first",
        data: OldSecrets,
      }),
    })
    .get("/:key", async ({ params }) => envelope("system found", await systems.detail(params.key)), {
      detail: operation({ summary: "One system with its health, by key or id", data: SystemDetail }),
    })
    .post("/:key/suspend", async ({ params }) => envelope("system suspended", await systems.suspend(params.key)), {
      parse: "none",
      detail: operation({ summary: "Refuse the system's credentials until it is resumed", data: System }),
    })
    .post("/:key/resume", async ({ params }) => envelope("system resumed", await systems.resume(params.key)), {
      parse: "none",
      detail: operation({ summary: "Accept the system's credentials again", data: System }),
    })
    .post(
      "/:key/rotate",
      async ({ params, request }) => {
        const { overlap_seconds = 0 } = await body.json(request, Rotation);
        return envelope("secret rotated", await systems.rotate(params.key, overlap_seconds));
      },
      {
        parse: "none",
        detail: operation({
          summary: "Make a new secret; the old one stays valid for overlap_seconds",
          body: Rotation,
          data: RotatedSecret,
        }),
      },
    )
    .delete("/:key", async ({ params }) => envelope("system erased", await systems.erase(params.key)), {
      parse: "none",
      detail: operation({ summary: "Erase the system and everything kept of it", data: System }),
    });
}
