// Refuses an organization that does not exist, and says which one was likely meant.
import type { App } from "../../app/open.ts";
import { Failure } from "../../errors.ts";
import type { Actor } from "../../values/actor.ts";
import { didYouMean } from "../../values/similar.ts";

/** The organization of systems that were added without one; it needs no row. */
const DEFAULT = "default";
/** Organizations that are searched for the one that was meant. */
const MOST_COMPARED = 10_000;
const PAGE = 200;

export async function requireOrganization(
  { api: { organizations } }: Pick<App, "api">,
  actor: Actor,
  id: string | undefined,
): Promise<void> {
  if (id === undefined || id === DEFAULT) return;
  try {
    await organizations.show(actor, id);
  } catch (error) {
    if (!(error instanceof Failure && error.code === "organizations.unknown")) throw error;
    const meant = didYouMean(id, await listIds(organizations, actor));
    const sentence = `There is no organization ${JSON.stringify(id)}.${meant} "muster organizations add ID --name NAME" makes one.`;
    throw new Failure("organizations.unknown", 404, sentence, { cause: error });
  }
}

async function listIds(organizations: App["api"]["organizations"], actor: Actor): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ids.length < MOST_COMPARED;) {
    const page = await organizations.list(actor, { limit: PAGE, ...(cursor !== undefined && { cursor }) });
    ids.push(...page.organizations.map((one) => one.id));
    if (page.next_cursor === null) break;
    cursor = page.next_cursor;
  }
  return ids;
}
