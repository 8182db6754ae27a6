// Adds, changes, lists, suspends and resumes organizations.
import { Failure } from "../../errors.ts";
import { readPage } from "../../http/edge/page.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Actor } from "../../values/actor.ts";
import type { ChangedOrganization, ListQuery, NewOrganization, Organization } from "./schema.ts";
import * as store from "./store.ts";

/** Unknown ids are a Failure 404. */
export interface OrganizationsApi {
  /** A Failure 409 for an id that is taken. */
  add(actor: Actor, input: NewOrganization): Promise<Organization>;
  change(actor: Actor, id: string, input: ChangedOrganization): Promise<Organization>;
  list(actor: Actor, query: ListQuery): Promise<{ organizations: Organization[]; next_cursor: string | null }>;
  /** How many there are. */
  count(actor: Actor): Promise<number>;
  show(actor: Actor, id: string): Promise<Organization>;
  suspend(actor: Actor, id: string): Promise<Organization>;
  resume(actor: Actor, id: string): Promise<Organization>;
}

interface OrganizationsApiDeps {
  database: Database;
  clock: Clock;
  /** Credentials of this organization's systems open something, or no longer do. */
  accessChanged(organizationId: string): Promise<void>;
}

export function openOrganizationsApi({ database, clock, accessChanged }: OrganizationsApiDeps): OrganizationsApi {
  const find = async (id: string): Promise<Organization> => {
    const organization = id.includes("\0") ? undefined : await store.findOrganization(database, id);
    if (organization) return organization;
    throw new Failure(
      "organizations.unknown",
      404,
      `organization not found: none has the id ${JSON.stringify(id.slice(0, 100))}`,
    );
  };

  const setSuspended = async (id: string, isSuspended: boolean): Promise<Organization> => {
    await find(id);
    await store.setSuspended(database, id, isSuspended, clock.now());
    await accessChanged(id);
    return find(id);
  };

  return {
    async add(_actor, { type = "owner", tenant = "", vat = "", ...input }) {
      const id = readLine("id", input.id);
      const row = { id, name: readLine("name", input.name), type, tenant, vat: vat && readLine("vat", vat) };
      if (await store.insertOrganization(database, row, clock.now())) return find(id);
      throw new Failure("organizations.conflict", 409, `there is an organization ${JSON.stringify(id)} already`);
    },

    async change(_actor, id, { name, vat, ...input }) {
      await find(id);
      const lines = { ...(name && { name: readLine("name", name) }), ...(vat && { vat: readLine("vat", vat) }) };
      await store.changeOrganization(database, id, { ...input, ...lines }, clock.now());
      return find(id);
    },

    async list(_actor, page) {
      const { rows, next_cursor } = await readPage({
        ...page,
        keys: ["text"],
        read: (after, count) => store.listOrganizations(database, after?.[0] ?? null, count),
        keyOf: (row) => [row.id],
      });
      return { organizations: rows, next_cursor };
    },

    count: () => store.countOrganizations(database),
    show: (_actor, id) => find(id),
    suspend: (_actor, id) => setSuspended(id, true),
    resume: (_actor, id) => setSuspended(id, false),
  };
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
