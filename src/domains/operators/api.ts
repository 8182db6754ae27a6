// Makes, lists and revokes the tokens of operators.
import { createHash, randomBytes } from "node:crypto";
import { randomUUIDv7 } from "bun";
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Actor } from "../../values/actor.ts";
import type { OperatorToken } from "./schema.ts";
import * as store from "./store.ts";

export interface OperatorsApi {
  addToken(actor: Actor, name: string): Promise<{ id: string; name: string; token: string }>;
  listTokens(actor: Actor): Promise<OperatorToken[]>;
  /** By id, or by a name that one live token alone has; a Failure 404 when none has it, 409 when several do. */
  revokeToken(actor: Actor, idOrName: string): Promise<void>;
}

interface OperatorsApiDeps {
  database: Database;
  clock: Clock;
  /** A token that opened opens no longer. */
  revoked(): void;
}

export function openOperatorsApi({ database, clock, revoked }: OperatorsApiDeps): OperatorsApi {
  return {
    async addToken(_actor, name) {
      const token = `mst_${randomBytes(24).toString("hex")}`;
      const id = randomUUIDv7();
      await store.insertToken(database, { id, name, digest: digestOf(token), now: clock.now() });
      return { id, name, token };
    },

    listTokens: () => store.listTokens(database),

    async revokeToken(_actor, idOrName) {
      const isRevoked = await store.revokeToken(database, idOrName, clock.now());
      revoked();
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
export const digestOf = (token: string) => createHash("sha256").update(token).digest("hex");
