// A simulated fleet for tests: documents with their labelled changes, and the place of a reported change in the labels' words.
import { getOwn, isObject } from "../../src/values/json/value.ts";
import type { JsonObject, JsonValue } from "../../src/values/json/value.ts";
import { parsePointer } from "../../src/values/json/pointer.ts";
import { makeAppliance, seedOf } from "../../src/simulate/appliances/appliance.ts";
import type { Appliance, Kind } from "../../src/simulate/appliances/appliance.ts";

export interface FleetMember {
  id: string;
  appliance: Appliance;
}

export const makeFleet = (seed: number, systems: number, kind?: Kind): FleetMember[] =>
  Array.from({ length: systems }, (_, number) => ({
    id: `system-${number}`,
    appliance: makeAppliance(seedOf(seed, number), kind),
  }));

/** As simulate/journal.ts names places: array elements by identity instead of index. */
export function placeOf(
  { pointer, changeType }: { pointer: string; changeType: string },
  previous: JsonObject,
  current: JsonObject,
): string {
  let at: JsonValue | undefined = changeType === "delete" ? previous : current;
  const names = parsePointer(pointer).map((key) => {
    const next: JsonValue | undefined = Array.isArray(at)
      ? at[Number(key)]
      : isObject(at ?? null)
        ? getOwn(at as JsonObject, key)
        : undefined;
    const name = Array.isArray(at) ? identity(next) : key;
    at = next;
    return name;
  });
  return names.join("/");
}

function identity(element: JsonValue | undefined): string {
  if (!isObject(element ?? null)) return "[]";
  const { id, name, section } = element as JsonObject;
  return String(id ?? name ?? section ?? "[]");
}
