// Finds which of the known places a document has, so that a rate is about the appliances that have the place at all.
import { isObject } from "./json.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/** Known paths, by segment. */
export interface Places {
  /** Set where a path ends. */
  path?: string;
  below: Map<string, Places>;
}

/** Values looked at in one document; beyond it the rest counts as not there. */
const MAX_VISITS = 50_000;
const INDEX = /^\d+$/;

export const noPlaces = (): Places => ({ below: new Map() });

export function addPlace(places: Places, path: string): void {
  let at = places;
  for (const segment of path.split(".")) {
    const next = at.below.get(segment) ?? noPlaces();
    at.below.set(segment, next);
    at = next;
  }
  at.path = path;
}

export function findPlaces(places: Places, document: JsonObject): Set<string> {
  const found = new Set<string>();
  let visits = 0;
  const visit = (at: Places, value: JsonValue): void => {
    if (++visits > MAX_VISITS) return;
    if (at.path !== undefined) found.add(at.path);
    if (at.below.size === 0 || typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) {
      const element = at.below.get("[]");
      if (element) for (const one of value) visit(element, one);
    } else if (isObject(value)) visitMembers(at, value);
  };
  const visitMembers = (at: Places, value: JsonObject): void => {
    for (const [segment, next] of at.below) {
      if (segment === "*") for (const key in value) visit(next, value[key] ?? null);
      else if (segment === "[]") {
        for (const key in value) if (INDEX.test(key)) visit(next, value[key] ?? null);
      } else if (Object.hasOwn(value, segment)) visit(next, value[segment] ?? null);
    }
  };
  visit(places, document);
  return found;
}

/** The paths again, for another thread. */
export const pathsOf = (places: Places): string[] => [
  ...(places.path === undefined ? [] : [places.path]),
  ...[...places.below.values()].flatMap(pathsOf),
];
