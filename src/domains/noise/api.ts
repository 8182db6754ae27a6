// Lists for operators what is learned as noise, and pins what they decide themselves.
import type { Actor } from "../../values/actor.ts";
import type { Learned, ListedPlace } from "./learned.ts";
import type { Pin } from "./store.ts";

export interface NoiseApi {
  /** Places that change, most often first; of one organization's systems, or of all. */
  list(actor: Actor, organization?: string): Promise<ListedPlace[]>;
  /** Null takes a pin away. */
  pin(actor: Actor, path: string, pin: Pin | null): Promise<ListedPlace>;
}

export const openNoiseApi = (learned: Pick<Learned, "list" | "pin">): NoiseApi => ({
  list: (_actor, organization) => learned.list(organization),
  pin: (_actor, path, pin) => learned.pin(path, pin),
});
