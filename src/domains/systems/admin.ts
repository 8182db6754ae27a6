// Serves operators' requests about systems: list, create, suspend, resume, rotate, erase.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { SystemsApi } from "./api.ts";
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

export function adminRoutes(api: SystemsApi) {
  const app = new Elysia({ prefix: "/systems" });
  route(
    app,
    "GET",
    "/",
    { summary: "List systems by name", query: ListQuery, data: SystemPage, says: "systems listed" },
    ({ actor, query }) => api.list(actor, query),
  );
  route(
    app,
    "POST",
    "/",
    {
      summary: "Create a system; its secret is shown once",
      body: NewSystem,
      data: CreatedSystem,
      status: 201,
      says: "system created",
    },
    ({ actor, body }) => api.add(actor, body),
  );
  route(
    app,
    "GET",
    "/old-secrets",
    {
      summary: "Secrets that a rotation replaced and that still open, most recently used first",
      data: OldSecrets,
      says: "old secrets listed",
    },
    async ({ actor }) => ({ secrets: await api.oldSecrets(actor) }),
  );
  route(
    app,
    "GET",
    "/:key",
    { summary: "One system with its health, by key or id", data: SystemDetail, says: "system found" },
    ({ actor, params }) => api.detail(actor, params.key),
  );
  route(
    app,
    "POST",
    "/:key/suspend",
    { summary: "Refuse the system's credentials until it is resumed", data: System, says: "system suspended" },
    ({ actor, params }) => api.suspend(actor, params.key),
  );
  route(
    app,
    "POST",
    "/:key/resume",
    { summary: "Accept the system's credentials again", data: System, says: "system resumed" },
    ({ actor, params }) => api.resume(actor, params.key),
  );
  route(
    app,
    "POST",
    "/:key/rotate",
    {
      summary: "Make a new secret; the old one stays valid for overlap_seconds",
      body: Rotation,
      data: RotatedSecret,
      says: "secret rotated",
    },
    ({ actor, params, body: { overlap_seconds = 0 } }) => api.rotate(actor, params.key, overlap_seconds),
  );
  route(
    app,
    "DELETE",
    "/:key",
    { summary: "Erase the system and everything kept of it", data: System, says: "system erased" },
    ({ actor, params }) => api.erase(actor, params.key),
  );
  return app;
}
