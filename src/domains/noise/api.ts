// Lists for operators what is learned as noise, and pins what they decide themselves.
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Actor } from "../../values/actor.ts";
import { parseFieldPath } from "../../values/json/pointer.ts";
import { shown as shownText } from "../../values/shown.ts";
import type { Learned } from "./learned.ts";
import { generalize, noisePath } from "./path.ts";
import * as store from "./store.ts";
import type { NoiseRow, Pin } from "./store.ts";

type ListedPlace = NoiseRow & { state: string };

export interface NoiseApi {
  /** Places that change, most often first; of one organization's systems, or of all. */
  list(actor: Actor, organization?: string): Promise<ListedPlace[]>;
  /** Null takes a pin away. */
  pin(actor: Actor, path: string, pin: Pin | null): Promise<ListedPlace>;
}

interface NoiseApiDeps {
  database: Queryable;
  clock: Clock;
  learned: Pick<Learned, "forget">;
}

const MAX_LISTED = 2_000;

export function openNoiseApi({ database, clock, learned }: NoiseApiDeps): NoiseApi {
  return {
    list: async (_actor, organization) =>
      (await store.listNoise(database, { organization, limit: MAX_LISTED })).map(shown),

    async pin(_actor, text, pin) {
      const path = readPath(text);
      if (pin) await store.savePin(database, path, pin, clock.now());
      else await store.deletePin(database, path);
      learned.forget();
      const [row = unknownPlace(path)] = await store.listNoise(database, { path, limit: 1 });
      return shown(row);
    },
  };
}

function shown(row: NoiseRow): ListedPlace {
  const learned = row.learned_by === 0 ? "watched" : "learned";
  const state = row.pin ? `pinned: ${row.pin}` : learned;
  return { ...row, rate: Math.round(row.rate * 1000) / 1000, state };
}

const unknownPlace = (path: string): NoiseRow => ({
  path,
  rate: 0,
  organizations: 0,
  systems: 0,
  learned_by: 0,
  learned_at: null,
  last_changed_on: null,
  pin: null,
  pinned_at: null,
});

/** A path as the list shows it, a field path or a JSON Pointer. */
function readPath(text: string): string {
  const path = text.startsWith("/") ? noisePath(text) : generalizeText(text);
  if (path) return path;
  throw new Failure("inventory.noise_path", 400, `not a path: ${shownText(text)}`);
}

function generalizeText(text: string): string | undefined {
  try {
    return text === "" ? undefined : generalize(parseFieldPath(text));
  } catch {
    return undefined;
  }
}
