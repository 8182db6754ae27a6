// Defines the values of a template's expressions: Go's string, int, float64, bool, uint8, map[string]any, and nothing at all.

/** One byte of a string, as `index` gives it. */
export class Byte {
  constructor(readonly value: number) {}
}

/** A map of strings, Go's map[string]any, ordered by the bytes of its keys as Go orders them. */
export class StringMap {
  readonly #byName: ReadonlyMap<string, string>;
  #sorted: [string, string][] | undefined;
  #bytes: number | undefined;
  constructor(byName: ReadonlyMap<string, string>) {
    this.#byName = byName;
  }
  get(name: string): string | undefined {
    return this.#byName.get(name);
  }
  /** Of all names and texts. */
  get bytes(): number {
    this.#bytes ??= [...this.#byName].reduce((sum, [name, text]) => sum + name.length + text.length, 0);
    return this.#bytes;
  }
  get size(): number {
    return this.#byName.size;
  }
  entries(): [string, string][] {
    this.#sorted ??= [...this.#byName].sort(([left], [right]) => (left < right ? -1 : 1));
    return this.#sorted;
  }
}

/** Strings hold bytes (source.ts); undefined is a key that is missing, and nil. */
export type Value = string | bigint | number | boolean | Byte | StringMap | undefined;

export function goTypeOf(value: Exclude<Value, undefined>): string {
  if (typeof value === "string") return "string";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float64";
  if (typeof value === "boolean") return "bool";
  return value instanceof Byte ? "uint8" : "map[string]interface {}";
}

export function isTrue(value: Value): boolean {
  if (value instanceof StringMap) return value.size > 0;
  return value instanceof Byte ? value.value !== 0 : Boolean(value);
}
