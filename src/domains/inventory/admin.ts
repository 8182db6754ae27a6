// Answers operators on one system's inventories: the latest, the history, what changed, day by day, and any two records compared.
import { Elysia } from "elysia";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { Pins } from "./retention/pins.ts";
import type { InventoryReader } from "./queries/reader.ts";
import { rawResponse } from "../../values/json/raw.ts";
import {
  Change,
  Changes,
  ChangesQuery,
  CompareQuery,
  Comparison,
  History,
  HistoryQuery,
  Latest,
  Pin,
  Timeline,
  TimelineQuery,
} from "./schema.ts";

export function adminRoutes(reader: InventoryReader, pins: Pins) {
  return new Elysia({ prefix: "/systems/:key/inventory" })
    .get("/latest", async ({ params }) => rawResponse("latest inventory", await reader.latest(params.key)), {
      detail: operation({ summary: "The newest inventory, whole", data: Latest }),
    })
    .get(
      "/history",
      async ({ params, query }) =>
        rawResponse("inventory history", await reader.history(params.key, readQuery(HistoryQuery, query))),
      {
        detail: operation({
          summary: "Records, newest first, without their documents",
          query: HistoryQuery,
          data: History,
        }),
      },
    )
    .get(
      "/changes",
      async ({ params, query }) =>
        rawResponse("inventory changes", await reader.changes(params.key, readQuery(ChangesQuery, query))),
      { detail: operation({ summary: "What changed, newest first", query: ChangesQuery, data: Changes }) },
    )
    .get(
      "/changes/:id",
      async ({ params }) => rawResponse("inventory change", await reader.change(params.key, params.id)),
      { detail: operation({ summary: "One change, its values whole", data: Change }) },
    )
    .get(
      "/timeline",
      async ({ params, query }) =>
        rawResponse("inventory timeline", await reader.timeline(params.key, readQuery(TimelineQuery, query))),
      {
        detail: operation({
          summary: "Days (UTC) with significant changes, newest first",
          query: TimelineQuery,
          data: Timeline,
        }),
      },
    )
    .get(
      "/compare",
      async ({ params, query }) =>
        rawResponse("records compared", await reader.compare(params.key, readQuery(CompareQuery, query))),
      {
        detail: operation({ summary: "Any two records of the system compared", query: CompareQuery, data: Comparison }),
      },
    )
    .get(
      "/records/:id",
      async ({ params }) => rawResponse("inventory record", await reader.record(params.key, params.id)),
      {
        detail: operation({ summary: "One record, whole", data: Latest }),
      },
    )
    .post(
      "/records/:id/pin",
      async ({ params }) => envelope("inventory record pinned", await pins.pin(params.key, params.id)),
      { parse: "none", detail: operation({ summary: "Keep the record for good", data: Pin }) },
    )
    .delete(
      "/records/:id/pin",
      async ({ params }) => envelope("inventory record unpinned", await pins.unpin(params.key, params.id)),
      { parse: "none", detail: operation({ summary: "Let the record age like the others", data: Pin }) },
    );
}
