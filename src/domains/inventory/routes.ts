// Takes an appliance's inventory.
import { Elysia } from "elysia";
import type { BodyReader } from "../../http/edge/body.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import type { Authenticate } from "../systems/index.ts";
import { Receipt } from "./intake/receive.ts";
import type { Receiver } from "./intake/receive.ts";

export interface InventoryRoutesDeps {
  authenticate: Authenticate;
  /** Rejects with a 503 while the queue holds more than it may. */
  admit(): Promise<void>;
  body: BodyReader;
  maxBytes: number;
  receiver: Receiver;
}

export function applianceRoutes({ authenticate, admit, body, maxBytes, receiver }: InventoryRoutesDeps) {
  return new Elysia().post(
    "/systems/inventory",
    async ({ request, server }) => {
      const system = await authenticate(request, server);
      await admit();
      await receiver.admit(system.id);
      const bytes = await body.bytes(request, maxBytes, { verified: system.id });
      // A body may come slowly: who was suspended meanwhile is not heard any more.
      await authenticate(request, server);
      const receipt = await receiver.receive(system.id, bytes);
      return envelope("Inventory received and queued for processing", receipt);
    },
    {
      parse: "none",
      detail: operation({
        summary: "Post an inventory: one JSON object, plain, gzip or zstd",
        auth: "system",
        data: Receipt,
      }),
    },
  );
}
