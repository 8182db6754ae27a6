// Writes into a document and remembers each change with its label, so that whoever compares documents can be judged.

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** `noise`: values that move by themselves. `event`: a person changed something, or something broke. */
export type Label = "noise" | "event";

export interface LabelledChange {
  label: Label;
  /** Keys from the document's root, joined with `/`; array elements go by their identity, as in `facts/modules/mail1/version`. */
  place: string;
  change: "create" | "update" | "delete";
}

export interface Snapshot {
  document: JsonObject;
  /** What was changed on purpose since the snapshot before; the order of lists changes besides. */
  changes: LabelledChange[];
}

/** An object of the document and its place. */
export interface Holder {
  object: JsonObject;
  place: string;
}

export interface Journal {
  /** Sets a member; creates it when it was not there. */
  set(label: Label, holder: Holder, key: string, value: Json): void;
  remove(label: Label, holder: Holder, key: string): void;
  /** Adds an element that is known by `identity`. */
  add(label: Label, list: { array: Json[]; place: string }, identity: string, element: Json): void;
  /** Removes the matching elements, and the changes recorded below them. */
  drop(
    label: Label,
    list: { array: Json[]; place: string },
    identity: string,
    matches: (element: Json) => boolean,
  ): void;
  /** What changed since the last call, without what changed back. */
  take(): LabelledChange[];
}

interface Entry {
  label: Label;
  /** JSON text of the value before; undefined when there was none. */
  before: string | undefined;
  after: string | undefined;
}

export function openJournal(): Journal {
  let entries = new Map<string, Entry>();

  const note = (label: Label, place: string, before: Json | undefined, after: Json | undefined) => {
    // Changes below an added or removed element are part of its addition or removal.
    if (ancestorsOf(place).some((ancestor) => entries.has(ancestor))) return;
    for (const known of entries.keys()) if (known.startsWith(`${place}/`)) entries.delete(known);
    const earlier = entries.get(place);
    const textOf = (value: Json | undefined) => (value === undefined ? undefined : JSON.stringify(value));
    entries.set(place, { label, before: earlier ? earlier.before : textOf(before), after: textOf(after) });
  };

  return {
    set(label, { object, place }, key, value) {
      const before = object[key];
      object[key] = value;
      note(label, `${place}/${key}`, before, value);
    },

    remove(label, { object, place }, key) {
      if (!Object.hasOwn(object, key)) return;
      const before = object[key];
      delete object[key];
      note(label, `${place}/${key}`, before, undefined);
    },

    add(label, { array, place }, identity, element) {
      array.push(element);
      note(label, `${place}/${identity}`, undefined, element);
    },

    drop(label, { array, place }, identity, matches) {
      const at = array.findIndex(matches);
      if (at < 0) return;
      const [before] = array.splice(at, 1);
      note(label, `${place}/${identity}`, before, undefined);
    },

    take() {
      const taken = [...entries].filter(([, { before, after }]) => before !== after);
      entries = new Map();
      return taken.map(([place, { label, before, after }]) => ({
        label,
        place,
        change: before === undefined ? "create" : after === undefined ? "delete" : "update",
      }));
    },
  };
}

const ancestorsOf = (place: string) =>
  [...place.matchAll(/\//g)].map(({ index }) => place.slice(0, index)).filter((ancestor) => ancestor !== "facts");
