// The operator's side of organisations: list, create, change, suspend, resume.
import { Elysia } from "elysia";
import type { BodyReader } from "../../http/edge/body.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { Organizations } from "./index.ts";
import { ChangedOrganization, ListQuery, NewOrganization, Organization, OrganizationPage } from "./schema.ts";

type Verbs = Pick<Organizations, "add" | "change" | "list" | "show" | "suspend" | "resume">;

export function adminRoutes(organizations: Verbs, body: BodyReader) {
  return new Elysia({ prefix: "/organizations" })
    .get(
      "/",
      async ({ query }) => envelope("organizations listed", await organizations.list(readQuery(ListQuery, query))),
      { detail: operation({ summary: "List organizations by id", query: ListQuery, data: OrganizationPage }) },
    )
    .post(
      "/",
      async ({ request, set }) => {
        const added = await organizations.add(await body.json(request, NewOrganization));
        set.status = 201;
        return envelope("organization created", added, 201);
      },
      {
        parse: "none",
        detail: operation({
          summary: "Create an organization",
          body: NewOrganization,
          data: Organization,
          status: 201,
        }),
      },
    )
    .get("/:id", async ({ params }) => envelope("organization found", await organizations.show(params.id)), {
      detail: operation({ summary: "One organization", data: Organization }),
    })
    .patch(
      "/:id",
      async ({ params, request }) =>
        envelope(
          "organization changed",
          await organizations.change(params.id, await body.json(request, ChangedOrganization)),
        ),
      {
        parse: "none",
        detail: operation({
          summary: "Change what is given of an organization",
          body: ChangedOrganization,
          data: Organization,
        }),
      },
    )
    .post(
      "/:id/suspend",
      async ({ params }) => envelope("organization suspended", await organizations.suspend(params.id)),
      {
        parse: "none",
        detail: operation({ summary: "Refuse the credentials of all its systems", data: Organization }),
      },
    )
    .post(
      "/:id/resume",
      async ({ params }) => envelope("organization resumed", await organizations.resume(params.id)),
      {
        parse: "none",
        detail: operation({ summary: "Accept the credentials of its systems again", data: Organization }),
      },
    );
}
