// Flattens a document into facts: one for each scalar leaf that is not noise, told apart by a hash, so that only new ones need be spelled out.
import { stableLabelsOf } from "../../values/documents/identity.ts";
import { isExact } from "../../values/json/value.ts";
import type { JsonObject, JsonValue } from "../../values/json/value.ts";
import { formatSegment } from "../../values/json/segment.ts";

export interface Fact {
  path: string;
  /** JSON text. */
  value: string;
}

export interface Flattened {
  /** Hashes of the facts in the order of the document, repeated as often as there. */
  hashes: Float64Array;
  /** The document has more leaves than are stored. */
  truncated: boolean;
  /** The fact of one of the hashes. */
  fact(hash: number): Fact;
}

export type Flatten = (type: string, document: JsonObject) => Flattened;

/** Leaves 53 bits of a hash of 64, which a double holds. */
const HASH_SHIFT = 11n;
export const MAX_FACTS = 20_000;
/** Leaves that are noise count too, as they cost time. */
const MAX_LEAVES = 100_000;
/** Characters. Longer texts are not searched, and an entry of a PostgreSQL index has 2,700 bytes at most. */
const MAX_VALUE_LENGTH = 200;
const MAX_PATH_LENGTH = 500;
/** About 30 MB. Users choose some of the names in paths, so the tree grows without limit; at this size it starts anew. */
const MAX_PLACES = 100_000;
const MAX_KNOWN_VALUES = 8;
/** So many linear scans of the hashes cost as much as a map of them. */
const MAX_SCANS = 50;

/** A path that was met before, with the seed of its hashes. */
interface Place {
  path: string;
  rulePath: string[];
  seed: bigint;
  isNoise: boolean | undefined;
  /** These three are made on first use: most places are leaves, and one document may have 20,000 new ones. */
  children: Map<string, Place> | undefined;
  elements: Map<string | undefined, Place> | undefined;
  /** Hashes of the first values met here: most documents repeat the same switches, names and versions. */
  known: Map<JsonValue, number> | undefined;
}

interface Walk {
  hashes: number[];
  places: Place[];
  values: JsonValue[];
  /** Leaves that may still be visited. */
  left: number;
  truncated: boolean;
}

interface FlattenDeps {
  /** Whether changes at this path of raw keys, `[]` for an array's element, are never significant. */
  isNoise(rulePath: readonly string[]): boolean;
  /** Another object once `isNoise` follows other rules. Left out where these never change. */
  ruleSet?(): object;
}

/** Remembers the places it has met, because inventories of one type share most of their paths. */
export function openFlatten({ isNoise, ruleSet }: FlattenDeps): Flatten {
  const roots = new Map<string, Place>();
  let places = 0;
  let rules = ruleSet?.();

  const newPlace = (path: string, rulePath: string[], type: string): Place => {
    places++;
    const seed = Bun.hash.xxHash64(`${type}\0${path}`);
    return { path, rulePath, seed, isNoise: undefined, children: undefined, elements: undefined, known: undefined };
  };

  const rootOf = (type: string): Place => {
    const newest = ruleSet?.();
    // Places remember what the rules said of them.
    if (places > MAX_PLACES || newest !== rules) {
      roots.clear();
      places = 0;
      rules = newest;
    }
    let root = roots.get(type);
    if (!root) roots.set(type, (root = newPlace("", [], type)));
    return root;
  };

  const flatten: Flatten = (type, document) => {
    const walk: Walk = { hashes: [], places: [], values: [], left: MAX_LEAVES, truncated: false };

    const childOf = (place: Place, key: string): Place => {
      let child = place.children?.get(key);
      if (!child) {
        const segment = formatSegment(key);
        child = newPlace(place.path === "" ? segment : `${place.path}.${segment}`, [...place.rulePath, key], type);
        (place.children ??= new Map()).set(key, child);
      }
      return child;
    };

    const elementOf = (place: Place, label: string | undefined): Place => {
      let element = place.elements?.get(label);
      if (!element) {
        const name = label === undefined ? "[]" : `.${formatSegment(label)}`;
        element = newPlace(place.path + name, [...place.rulePath, "[]"], type);
        (place.elements ??= new Map()).set(label, element);
      }
      return element;
    };

    const visit = (value: JsonValue, place: Place): void => {
      if (walk.truncated) return;
      if (typeof value !== "object" || value === null || isExact(value)) {
        visitLeaf(value, place);
      } else if (Array.isArray(value)) {
        const labels = value.some(isComposite) ? stableLabelsOf(value) : [];
        value.forEach((element, at) => visit(element, elementOf(place, labels[at])));
      } else {
        const object = value as JsonObject;
        for (const key of Object.keys(object)) visit(object[key] ?? null, childOf(place, key));
      }
    };

    const visitLeaf = (value: JsonValue, place: Place): void => {
      if (--walk.left < 0) walk.truncated = true;
      place.isNoise ??= place.path.length > MAX_PATH_LENGTH || isNoise(place.rulePath);
      if (place.isNoise) return;
      const hash = place.known?.get(value) ?? hashOf(value, place);
      if (hash === undefined) return;
      if (walk.hashes.length >= MAX_FACTS) {
        walk.truncated = true;
        return;
      }
      walk.hashes.push(hash);
      walk.places.push(place);
      walk.values.push(value);
    };

    /** Undefined for a value that is too long. */
    const hashOf = (value: JsonValue, place: Place): number | undefined => {
      const text = typeof value === "string" ? `"${value}` : isExact(value) ? value.rawJSON : String(value);
      if (text.length > MAX_VALUE_LENGTH + 1) return undefined;
      const hash = Number(Bun.hash.xxHash64(text, place.seed) >> HASH_SHIFT);
      const known = (place.known ??= new Map());
      if (known.size < MAX_KNOWN_VALUES && !isComposite(value)) known.set(value, hash);
      return hash;
    };

    visit(document, rootOf(type));
    let asked = 0;
    let known: Map<number, number> | undefined;
    const placeOf = (hash: number): number => {
      if (++asked <= MAX_SCANS) return walk.hashes.indexOf(hash);
      known ??= new Map(walk.hashes.map((one, at) => [one, at]));
      return known.get(hash) ?? -1;
    };
    return {
      hashes: Float64Array.from(walk.hashes),
      truncated: walk.truncated,
      fact(hash) {
        const at = placeOf(hash);
        return { path: walk.places[at]?.path ?? "", value: JSON.stringify(walk.values[at]) };
      },
    };
  };
  return flatten;
}

const isComposite = (value: JsonValue) => typeof value === "object" && value !== null;
