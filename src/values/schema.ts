// Gives the shapes that queries and answers of several subjects share.
import { Type } from "@sinclair/typebox";
import type { TSchema } from "@sinclair/typebox";

export const Time = Type.String({ format: "date-time" });

export const Nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

/** One of these texts. */
export const OneOf = <const Text extends string>(texts: readonly Text[]) =>
  Type.Union(texts.map((text) => Type.Literal(text)));

/** A query's parameter with one or several of these texts, joined with commas. */
export const ListOf = (texts: readonly string[]) =>
  Type.Optional(
    Type.String({
      pattern: `^(${texts.join("|")})(,(${texts.join("|")}))*$`,
      description: `One or more of ${texts.join(", ")}.`,
    }),
  );

/** Rows of one page. */
export const Limit = Type.Integer({ minimum: 1, maximum: 1000, default: 50 });

/** Where a page goes on: what the page before gave as `next_cursor`. */
export const Cursor = Type.Optional(Type.String({ maxLength: 2048 }));
export const NextCursor = Nullable(Type.String());

/** The shape of a member under its former name, which stays beside the new one until the next major version. */
export const FormerName = <Schema extends TSchema>(schema: Schema, name: string): Schema => ({
  ...schema,
  deprecated: true,
  description: `The former name of \`${name}\`. The next major version removes it.`,
});

/** The answer with a member under its former name too. */
export const withFormerName = <Answer extends object, Name extends keyof Answer, Former extends string>(
  answer: Answer,
  name: Name,
  former: Former,
): Answer & Record<Former, Answer[Name]> =>
  ({ ...answer, [former]: answer[name] }) as Answer & Record<Former, Answer[Name]>;
