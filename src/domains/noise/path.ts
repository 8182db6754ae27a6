// Names a place for the whole fleet: elements are `[]`, keys that differ by installation are `*`.
import { parsePointer } from "../../values/json/pointer.ts";

/** Deeper places count as their ancestor of this depth. */
const MAX_DEPTH = 12;
const MAX_KEY_LENGTH = 64;

/** Objects whose keys an installation chooses: node ids, mountpoints, interfaces, zones, databases, host names. */
const MAPS = new Set([
  "facts.nodes",
  "facts.mountpoints",
  "facts.features.database_stats",
  "facts.features.network.configuration",
  "facts.features.network.zone_network_counts",
  "facts.features.wireguard.servers",
  "facts.modules.[].name_module_map",
  "mountpoints",
  "network.interfaces",
  "services",
]);
/** `nethvoice_physical_devices_by_model`, `…_by_vendor`, `…_by_provider`. */
const COUNTS_BY = /_by_[a-z]+$/;
/** Programs name facts like this; anything else was typed by a person or made by a machine. */
const FACT_NAME = /^[$a-z_\d][a-z_\d-]*$/;
const LOOKS_MADE = /[\da-f]{8}/;
const INDEX = /^\d+$/;

/**
 * The path of a JSON Pointer; undefined for the whole document. A pointer does not say what is an array, so a key of digits
 * only is taken for an index, except below the maps above.
 */
export function noisePath(pointer: string): string | undefined {
  return pointer === "" ? undefined : generalize(parsePointer(pointer));
}

/** Generalizing a generalized path changes nothing. */
export function generalize(segments: readonly string[]): string {
  let path = "";
  for (const segment of segments.slice(0, MAX_DEPTH))
    path += `${path === "" ? "" : "."}${generalizeKey(segment, path)}`;
  return path;
}

function generalizeKey(key: string, parent: string): string {
  if (MAPS.has(parent) || COUNTS_BY.test(parent)) return "*";
  if (INDEX.test(key) || key === "[]") return "[]";
  const isFact = key.length <= MAX_KEY_LENGTH && FACT_NAME.test(key) && !LOOKS_MADE.test(key);
  return isFact ? key : "*";
}
