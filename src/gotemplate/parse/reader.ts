// Steps through a template's tokens, and bounds how deep their readers call each other.
import type { Token } from "./lex.ts";
import { fail } from "../source.ts";

export interface Reader {
  /** Of the next token. */
  at: number;
  peek(): Token;
  take(): Token;
  skipSpace(): void;
  isKeyword(...names: string[]): boolean;
  expectRight(where: string): void;
  /** Blocks and parentheses inside each other: each is a call deeper. */
  nested<Result>(work: () => Result): Result;
}

const MAX_NESTING = 200;

export function openReader(tokens: readonly Token[]): Reader {
  let nesting = 0;
  const reader: Reader = {
    at: 0,
    peek: () => tokens[reader.at] ?? { type: "end" },
    take: () => tokens[reader.at++] ?? { type: "end" },
    skipSpace() {
      while (reader.peek().type === "space") reader.at += 1;
    },
    isKeyword(...names) {
      const token = reader.peek();
      return token.type === "keyword" && names.includes(token.text);
    },
    expectRight(where) {
      reader.skipSpace();
      if (reader.take().type !== "right") fail(`unexpected words in ${where}`);
    },
    nested(work) {
      if (++nesting > MAX_NESTING) fail(`blocks and parentheses are nested deeper than ${MAX_NESTING}`);
      const result = work();
      nesting -= 1;
      return result;
    },
  };
  return reader;
}
