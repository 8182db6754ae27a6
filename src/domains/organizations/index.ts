// Organisations: who owns systems, whose tenant their alerts go to, and the switch that shuts all of them out.
import type { Domain } from "../../domain.ts";
import { Failure } from "../../errors.ts";
import type { BodyReader } from "../../http/edge/body.ts";
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import { adminRoutes } from "./admin.ts";
import type { ChangedOrganization, ListQuery, NewOrganization, Organization } from "./schema.ts";
import * as store from "./store.ts";

export type { Organization };
export type { FormerOrganization } from "./store.ts";

export interface OrganizationsDeps {
  database: Database;
  clock: Clock;
  body: BodyReader;
  /** Credentials of this organisation's systems open something, or no longer do. */
  accessChanged(organizationId: string): Promise<void>;
}

/** What routes and the CLI may ask of organisations. Unknown ids are a Failure 404. */
export interface Organizations extends Domain {
  /** A Failure 409 for an id that is taken. */
  add(input: NewOrganization): Promise<Organization>;
  /** Of the service that Muster replaces. Returns the ids of those that were there, which stay as they are. */
  bring(rows: store.FormerOrganization[], dryRun: boolean): Promise<Set<string>>;
  change(id: string, input: ChangedOrganization): Promise<Organization>;
  list(query: ListQuery): Promise<{ organizations: Organization[]; next_cursor: string | null }>;
  /** How many there are. */
  count(): Promise<number>;
  show(id: string): Promise<Organization>;
  suspend(id: string): Promise<Organization>;
  resume(id: string): Promise<Organization>;
}

export function openOrganizations({ database, clock, body, accessChanged }: OrganizationsDeps): Organizations {
  const show = async (id: string): Promise<Organization> => {
    const organization = id.includes("\0") ? undefined : await store.findOrganization(database, id);
    if (organization) return organization;
    throw new Failure(
      "organizations.unknown",
      404,
      `organization not found: none has the id ${JSON.stringify(id.slice(0, 100))}`,
    );
  };

  const setSuspended = async (id: string, isSuspended: boolean): Promise<Organization> => {
    await show(id);
    await store.setSuspended(database, id, isSuspended, clock.now());
    await accessChanged(id);
    return show(id);
  };

  const organizations: Organizations = {
    async add({ type = "owner", tenant = "", vat = "", ...input }) {
      const id = readLine("id", input.id);
      const row = { id, name: readLine("name", input.name), type, tenant, vat: vat && readLine("vat", vat) };
      if (await store.insertOrganization(database, row, clock.now())) return show(id);
      throw new Failure("organizations.conflict", 409, `there is an organization ${JSON.stringify(id)} already`);
    },
    bring: (rows, dryRun) => store.bringOrganizations(database, rows, dryRun),
    async change(id, { name, vat, ...input }) {
      await show(id);
      const lines = { ...(name && { name: readLine("name", name) }), ...(vat && { vat: readLine("vat", vat) }) };
      await store.changeOrganization(database, id, { ...input, ...lines }, clock.now());
      return show(id);
    },
    async list({ cursor, limit }) {
      const [after = null] = decodeCursor(cursor, ["text"]) ?? [];
      const rows = await store.listOrganizations(database, after, limit);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return { organizations: rows, next_cursor: last ? encodeCursor(last.id) : null };
    },
    count: () => store.countOrganizations(database),
    show,
    suspend: (id) => setSuspended(id, true),
    resume: (id) => setSuspended(id, false),
  };
  return { ...organizations, adminRoutes: adminRoutes(organizations, body) };
}

/** Ids and names are shown in lists, logs and on terminals. */
function readLine(field: string, given: string): string {
  const line = given.toWellFormed().trim();
  if (line !== "" && !/\p{Cc}/u.test(line)) return line;
  const fault = `must be a line of text, got ${JSON.stringify(given.slice(0, 80))}`;
  throw new Failure("organizations.line", 400, `invalid request body: ${field} ${fault}`, {
    data: { faults: { [field]: fault } },
  });
}
