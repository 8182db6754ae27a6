// Knows the requests whose answers are not made yet, and names them without what they carry.

interface UnderWay {
  count(): number;
  /** "2 × POST /api/systems/inventory". */
  names(): string[];
  during<Rest extends unknown[]>(
    fetch: (request: Request, ...rest: Rest) => Response | Promise<Response>,
  ): (request: Request, ...rest: Rest) => Promise<Response>;
}

/** A longer part of a path is an id or a secret. */
const MAX_SEGMENT = 20;

export function openUnderWay(): UnderWay {
  const requests = new Set<Request>();
  return {
    count: () => requests.size,
    names() {
      const counts = new Map<string, number>();
      for (const { method, url } of requests) {
        const path = new URL(url).pathname.split("/");
        const name = `${method} ${path.map((part) => (part.length > MAX_SEGMENT ? "…" : part)).join("/")}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      return [...counts].map(([name, count]) => (count === 1 ? name : `${count} × ${name}`));
    },
    during:
      (fetch) =>
      async (request, ...rest) => {
        requests.add(request);
        try {
          return await fetch(request, ...rest);
        } finally {
          requests.delete(request);
        }
      },
  };
}
