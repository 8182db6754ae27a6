// Offers what operators may ask of the feed.
import type { Queryable } from "../../ports/database.ts";
import { readFeed } from "./feed.ts";
import type { FeedQuery } from "./schema.ts";

export type ChangesApi = ReturnType<typeof openChangesApi>;

export const openChangesApi = (database: Queryable) => ({
  read: (query: FeedQuery) => readFeed(database, query),
});
