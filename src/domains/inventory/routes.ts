// Takes an appliance's inventory.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { Authenticate } from "../systems/index.ts";
import { Receipt } from "./intake/receive.ts";
import type { Receiver } from "./intake/receive.ts";

interface InventoryRoutesDeps {
  authenticate: Authenticate;
  /** Rejects with a 503 while the queue holds more than it may. */
  admit(): Promise<void>;
  maxBytes: number;
  receiver: Receiver;
}

export function applianceRoutes({ authenticate, admit, maxBytes, receiver }: InventoryRoutesDeps) {
  const app = new Elysia();
  route(
    app,
    "POST",
    "/systems/inventory",
    {
      summary: "Post an inventory: one JSON object, plain, gzip or zstd",
      auth: "system",
      async caller({ request, server }) {
        const system = await authenticate(request, server);
        await admit();
        await receiver.admit(system.id);
        return system;
      },
      sender: ({ id }) => ({ verified: id }),
      body: { maxBytes },
      data: Receipt,
      says: "Inventory received and queued for processing",
    },
    async ({ request, server, caller, body }) => {
      // A body may come slowly: who was suspended meanwhile is not heard any more.
      await authenticate(request, server);
      return receiver.receive(caller.id, body);
    },
  );
  return app;
}
