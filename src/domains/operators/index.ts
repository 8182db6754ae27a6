// Operators: the bearer tokens that open the admin API. Made, listed and revoked by the CLI.
import { createHash, randomBytes } from "node:crypto";
import { randomUUIDv7 } from "bun";
import { Failure } from "../../errors.ts";
import { clientNetwork, readBearer } from "../../http/edge/credentials.ts";
import type { clientAddress } from "../../http/edge/credentials.ts";
import { openThrottle } from "../../http/edge/throttle.ts";
import type { NoteThrottled } from "../../http/edge/throttle.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Limiter } from "../../ports/limiter.ts";
import type { OperatorToken } from "./schema.ts";
import * as store from "./store.ts";
import type { Operator } from "./store.ts";

export type { Operator };

export interface OperatorsDeps {
  database: Database;
  limiter: Limiter;
  clock: Clock;
  failuresPerMinute: number;
  noteThrottled: NoteThrottled;
}

export interface Operators {
  /** Throws 401 for a token that is unknown or revoked, 429 after too many of those from one address. */
  authorize(request: Request, server: Parameters<typeof clientAddress>[0]): Promise<Operator>;
  /** Who sent a request that was authorized. */
  operatorOf(request: Request): Operator;
  /** Whether a token still opens: what it made lives no longer than that. */
  isLive(id: string): Promise<boolean>;
  addToken(name: string): Promise<{ id: string; name: string; token: string }>;
  listTokens(): Promise<OperatorToken[]>;
  /** By id, or by a name that one live token alone has; a Failure 404 when none has it, 409 when several do. */
  revokeToken(idOrName: string): Promise<void>;
}

export function openOperators({
  database,
  limiter,
  clock,
  failuresPerMinute,
  noteThrottled,
}: OperatorsDeps): Operators {
  const throttle = openThrottle<Operator>({
    kind: "operator",
    limiter,
    clock,
    failuresPerMinute,
    listKnown: () => store.listKnownTokens(database),
    throttled: (network) => noteThrottled("failed logins of operators", network),
  });
  const operators = new WeakMap<Request, Operator>();
  return {
    async authorize(request, server) {
      const digest = digestOf(readBearer(request.headers.get("authorization")));
      const operator = await throttle.login({
        network: clientNetwork(server, request),
        claim: digest,
        find: () => store.useToken(database, digest, clock.now()),
        opens: (found) => found !== undefined,
      });
      if (operator) {
        operators.set(request, operator);
        return operator;
      }
      throw new Failure("auth.refused", 401, "invalid operator token", {
        headers: { "www-authenticate": 'Bearer realm="Muster", error="invalid_token"' },
      });
    },

    operatorOf(request) {
      const operator = operators.get(request);
      if (!operator) throw new Error("The request was not authorized.");
      return operator;
    },

    isLive: (id) => store.isLive(database, id),

    async addToken(name) {
      const token = `mst_${randomBytes(24).toString("hex")}`;
      const id = randomUUIDv7();
      await store.insertToken(database, { id, name, digest: digestOf(token), now: clock.now() });
      return { id, name, token };
    },

    listTokens: () => store.listTokens(database),

    async revokeToken(idOrName) {
      const isRevoked = await store.revokeToken(database, idOrName, clock.now());
      throttle.forget();
      if (isRevoked) return;
      const namesakes = (await store.listTokens(database)).filter((one) => one.name === idOrName);
      if (namesakes.length > 1) {
        const ids = namesakes.map(({ id, created_at }) => `${id}  made ${new Date(created_at).toISOString()}`);
        const sentence = `${namesakes.length} tokens have the name ${JSON.stringify(idOrName.slice(0, 100))}; revoke by id`;
        throw new Failure("operators.ambiguous", 409, sentence, { detail: ids.join("\n") });
      }
      throw new Failure(
        "operators.unknown",
        404,
        `no token has the id or name ${JSON.stringify(idOrName.slice(0, 100))}`,
      );
    },
  };
}

/** 192 random bits need no salt: there is nothing to guess and nothing to look up in a table. */
const digestOf = (token: string) => createHash("sha256").update(token).digest("hex");
