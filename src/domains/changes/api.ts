// Offers what operators may ask of the feed.
import type { Queryable } from "../../ports/database.ts";
import type { Actor } from "../../values/actor.ts";
import { readFeed } from "./feed.ts";
import type { FeedQuery } from "./schema.ts";

export type ChangesApi = ReturnType<typeof openChangesApi>;

export const openChangesApi = (database: Queryable) => ({
  read: (_actor: Actor, query: FeedQuery) => readFeed(database, query),
});
