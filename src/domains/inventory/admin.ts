// Answers operators on one system's inventories: the latest, the history, what changed, day by day, and any two records compared.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { InventoryApi } from "./api.ts";
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

export function adminRoutes(api: InventoryApi) {
  const app = new Elysia();
  const at = <Path extends string>(path: Path) => `/systems/:key/inventory/${path}` as const;
  route(
    app,
    "GET",
    at("latest"),
    { summary: "The newest inventory, whole", data: Latest, says: "latest inventory", isRaw: true },
    ({ actor, params }) => api.latest(actor, params.key),
  );
  route(
    app,
    "GET",
    at("history"),
    {
      summary: "Records, newest first, without their documents",
      query: HistoryQuery,
      data: History,
      says: "inventory history",
      isRaw: true,
    },
    ({ actor, params, query }) => api.history(actor, params.key, query),
  );
  route(
    app,
    "GET",
    at("changes"),
    {
      summary: "What changed, newest first",
      query: ChangesQuery,
      data: Changes,
      says: "inventory changes",
      isRaw: true,
    },
    ({ actor, params, query }) => api.changes(actor, params.key, query),
  );
  route(
    app,
    "GET",
    at("changes/:id"),
    { summary: "One change, its values whole", data: Change, says: "inventory change", isRaw: true },
    ({ actor, params }) => api.change(actor, params.key, params.id),
  );
  route(
    app,
    "GET",
    at("timeline"),
    {
      summary: "Days (UTC) with significant changes, newest first",
      query: TimelineQuery,
      data: Timeline,
      says: "inventory timeline",
      isRaw: true,
    },
    ({ actor, params, query }) => api.timeline(actor, params.key, query),
  );
  route(
    app,
    "GET",
    at("compare"),
    {
      summary: "Any two records of the system compared",
      query: CompareQuery,
      data: Comparison,
      says: "records compared",
      isRaw: true,
    },
    ({ actor, params, query }) => api.compare(actor, params.key, query),
  );
  route(
    app,
    "GET",
    at("records/:id"),
    { summary: "One record, whole", data: Latest, says: "inventory record", isRaw: true },
    ({ actor, params }) => api.record(actor, params.key, params.id),
  );
  route(
    app,
    "POST",
    at("records/:id/pin"),
    { summary: "Keep the record for good", data: Pin, says: "inventory record pinned" },
    ({ actor, params }) => api.pin(actor, params.key, params.id),
  );
  route(
    app,
    "DELETE",
    at("records/:id/pin"),
    { summary: "Let the record age like the others", data: Pin, says: "inventory record unpinned" },
    ({ actor, params }) => api.unpin(actor, params.key, params.id),
  );
  return app;
}
