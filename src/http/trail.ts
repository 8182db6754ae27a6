// Follows each request by which an operator changes something: who, from where, what, of what, and how it ended.
import { Failure } from "../errors.ts";
import type { Actor } from "../values/actor.ts";

/** Never holds a secret: neither bodies nor queries are part of it. */
export interface Change {
  who: Actor;
  /** Undefined for commands, which are run on the machine itself. */
  address?: string | undefined;
  what: string;
  /** A key, an id, or a name; empty where there is none. */
  target: string;
  outcome: string;
}

interface TrailedRequest {
  request: Request;
  actor: Actor;
  address: string;
  /** With its parameters by name. */
  route: string;
  params: Record<string, string>;
}

export interface Trail {
  begin(request: TrailedRequest): void;
  /** With what the route answered, or what it threw. Says nothing of a request that did not begin, or only asked. */
  end(request: Request, answered: unknown): void;
}

const CHANGING = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** `nameOf` says what something that was made is called; "" where that has no name. */
export function openTrail(write: (change: Change) => void, nameOf: (made: unknown) => string): Trail {
  const begun = new WeakMap<Request, Omit<Change, "outcome">>();
  return {
    begin({ request, actor, address, route, params }) {
      if (!CHANGING.has(request.method)) return;
      const what = `${request.method} ${route}`;
      begun.set(request, { who: actor, address, what, target: Object.values(params).join(" ") });
    },
    end(request, answered) {
      const change = begun.get(request);
      if (!change) return;
      begun.delete(request);
      const target = change.target || nameOf(dataOf(answered));
      write({ ...change, target: target.slice(0, 200), outcome: outcomeOf(answered).slice(0, 300) });
    },
  };
}

const dataOf = (answered: unknown) =>
  typeof answered === "object" && answered !== null && "data" in answered ? answered.data : undefined;

/** Status and sentence. */
function outcomeOf(answered: unknown): string {
  if (answered instanceof Failure) return `${answered.status} ${answered.message}`;
  if (answered instanceof Error) return "500 internal server error";
  if (typeof answered === "object" && answered !== null && "code" in answered && "message" in answered)
    return `${answered.code} ${answered.message}`;
  return "200";
}
