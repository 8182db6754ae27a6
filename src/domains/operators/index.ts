// Lets operators in: finds the actor behind a bearer token, and slows down who tries tokens that open nothing.
import type { DomainWith } from "../../domain.ts";
import { clientNetwork, readBearer, unauthorized } from "../../http/edge/credentials.ts";
import type { clientAddress } from "../../http/edge/credentials.ts";
import { openThrottle } from "../../http/edge/logins.ts";
import type { NoteThrottled } from "../../http/edge/throttle.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Limiter } from "../../ports/limiter.ts";
import type { Actor } from "../../values/actor.ts";
import { digestOf, openOperatorsApi } from "./api.ts";
import type { OperatorsApi } from "./api.ts";
import * as store from "./store.ts";
import type { TokenRow } from "./store.ts";

interface OperatorsDeps {
  database: Database;
  limiter: Limiter;
  clock: Clock;
  failuresPerMinute: number;
  noteThrottled: NoteThrottled;
}

export interface Operators extends OperatorsApi {
  /** Throws 401 for a token that is unknown or revoked, 429 after too many of those from one address. */
  authorize(request: Request, server: Parameters<typeof clientAddress>[0]): Promise<Actor>;
  /** Whether a token still opens: what it made lives no longer than that. */
  isLive(id: string): Promise<boolean>;
}

const CHALLENGE = 'Bearer realm="Muster"';
const WANTED = "an operator token is required: Authorization: Bearer …";

export function open({
  database,
  limiter,
  clock,
  failuresPerMinute,
  noteThrottled,
}: OperatorsDeps): DomainWith<Operators> {
  const throttle = openThrottle<TokenRow>({
    kind: "operator",
    limiter,
    clock,
    failuresPerMinute,
    listKnown: () => store.listKnownTokens(database),
    throttled: (network) => noteThrottled("failed logins of operators", network),
  });
  const operators: Operators = {
    ...openOperatorsApi({ database, clock, revoked: throttle.forget }),

    async authorize(request, server) {
      const digest = digestOf(readBearer(request.headers.get("authorization"), WANTED, CHALLENGE));
      const token = await throttle.login({
        network: clientNetwork(server, request),
        claim: digest,
        find: () => store.useToken(database, digest, clock.now()),
        opens: (found) => found !== undefined,
      });
      if (token) return { kind: "token", ...token, role: "owner", organizations: "all" };
      throw unauthorized("invalid operator token", `${CHALLENGE}, error="invalid_token"`);
    },

    isLive: (id) => store.isLive(database, id),
  };
  return { api: operators };
}
