// Serves operators' requests about organizations: list, create, change, suspend, resume.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { OrganizationsApi } from "./api.ts";
import { ChangedOrganization, ListQuery, NewOrganization, Organization, OrganizationPage } from "./schema.ts";

export function adminRoutes(api: OrganizationsApi) {
  const app = new Elysia({ prefix: "/organizations" });
  route(
    app,
    "GET",
    "/",
    {
      summary: "List organizations by id",
      query: ListQuery,
      data: OrganizationPage,
      says: "organizations listed",
    },
    ({ actor, query }) => api.list(actor, query),
  );
  route(
    app,
    "POST",
    "/",
    {
      summary: "Create an organization",
      body: NewOrganization,
      data: Organization,
      status: 201,
      says: "organization created",
    },
    ({ actor, body }) => api.add(actor, body),
  );
  route(
    app,
    "GET",
    "/:id",
    { summary: "One organization", data: Organization, says: "organization found" },
    ({ actor, params }) => api.show(actor, params.id),
  );
  route(
    app,
    "PATCH",
    "/:id",
    {
      summary: "Change what is given of an organization",
      body: ChangedOrganization,
      data: Organization,
      says: "organization changed",
    },
    ({ actor, params, body }) => api.change(actor, params.id, body),
  );
  route(
    app,
    "POST",
    "/:id/suspend",
    {
      summary: "Refuse the credentials of all its systems",
      data: Organization,
      says: "organization suspended",
    },
    ({ actor, params }) => api.suspend(actor, params.id),
  );
  route(
    app,
    "POST",
    "/:id/resume",
    {
      summary: "Accept the credentials of its systems again",
      data: Organization,
      says: "organization resumed",
    },
    ({ actor, params }) => api.resume(actor, params.id),
  );
  return app;
}
