// Prints a stranger's value for a message: as JSON, cut where the message is long enough, at a cost that the message bounds.

/** Characters of a value in a message. */
const SHOWN_LENGTH = 80;

/**
 * As much of the value's JSON as `most` characters hold; "nothing" for undefined. No more of it is looked at than is printed,
 * except that the names of an object are listed as a whole.
 */
export function shown(value: unknown, most = SHOWN_LENGTH): string {
  return value === undefined ? "nothing" : print(value, most).slice(0, most);
}

/** Each level prints a bracket before it goes down, so `room` bounds the depth as well as the length. */
function print(value: unknown, room: number): string {
  if (room <= 0) return "";
  if (typeof value === "string") return JSON.stringify(value.length > room ? value.slice(0, room) : value);
  if (typeof value !== "object" || value === null) return String(value);
  const isArray = Array.isArray(value);
  let text = isArray ? "[" : "{";
  const add = (member: unknown, name?: string) => {
    if (text.length > 1) text += ",";
    if (name !== undefined) text += `${print(name, room - text.length)}:`;
    text += print(member, room - text.length);
  };
  if (isArray) for (let at = 0; at < value.length && text.length < room; at += 1) add(value[at]);
  else
    for (const [name, member] of membersOf(value)) {
      if (text.length >= room) break;
      add(member, name);
    }
  return text + (isArray ? "]" : "}");
}

function* membersOf(value: object): Generator<[string, unknown]> {
  for (const name in value) if (Object.hasOwn(value, name)) yield [name, Reflect.get(value, name)];
}
