// Answers that carry stored JSON as it is: parsing it would round its big numbers and cost time for nothing.

/** Text that is already JSON, to be put into an answer unread. */
export class RawJson {
  constructor(readonly text: string) {}
}

/** JSON.stringify that lets RawJson through. Dates become ISO text as usual; undefined members vanish. */
export function stringify(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(stringify).join(",")}]`;
  if (value !== null && typeof value === "object" && !(value instanceof Date)) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${stringify(member)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

export const rawOrNull = (text: string | null) => (text === null ? null : new RawJson(text));

/** A 200 in the envelope, as a Response. */
export function rawResponse(message: string, data: unknown): Response {
  return new Response(stringify({ code: 200, message, data }), {
    headers: { "content-type": "application/json;charset=utf-8" },
  });
}

/** The array elements of a stored change. */
export const rawElements = (text: string | null) => new RawJson(text ?? "[]");
