// Cuts a template into tokens, by the rules of Go's text/template: delimiters, trim markers, comments, words, literals.
import { fail, toBytes, unquote } from "../source.ts";

export type Token =
  | { type: "text" | "field" | "variable" | "identifier" | "keyword" | "string" | "char"; text: string }
  | { type: "number"; text: string; isCharacter: boolean }
  | { type: "bool"; value: boolean }
  | { type: "left" | "right" | "space" | "dot" | "assign" | "declare" | "pipe" | "open" | "close" | "nil" | "end" };

const KEYWORDS = new Set(["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"]);
const SPACE = /[ \t\r\n]/;
const WORD = /[\p{L}\p{Nd}_]/u;

/** Text as the bytes it stands for; literals already read. */
export function lex(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf("{{", at);
    if (open === -1) {
      pushText(tokens, source.slice(at));
      break;
    }
    const trimsLeft = source[open + 2] === "-" && SPACE.test(source[open + 3] ?? "");
    const text = source.slice(at, open);
    pushText(tokens, trimsLeft ? text.slice(0, endWithoutSpace(text)) : text);
    at = open + 2 + (trimsLeft ? 2 : 0);
    at = source.startsWith("/*", at) ? skipComment(source, at) : lexAction(source, at, tokens);
  }
  tokens.push({ type: "end" });
  return tokens;
}

/** Linear, unlike a regular expression of blanks before the end. */
function endWithoutSpace(text: string): number {
  let end = text.length;
  while (end > 0 && SPACE.test(text[end - 1] ?? "")) end -= 1;
  return end;
}

function pushText(tokens: Token[], text: string): void {
  if (text !== "") tokens.push({ type: "text", text: toBytes(text) });
}

/** Where the text after the closing delimiter begins; undefined where no delimiter is. */
function afterRightDelimiter(source: string, at: number): number | undefined {
  if (SPACE.test(source[at] ?? "") && source.startsWith("-}}", at + 1)) {
    let end = at + 4;
    while (SPACE.test(source[end] ?? "")) end += 1;
    return end;
  }
  return source.startsWith("}}", at) ? at + 2 : undefined;
}

function skipComment(source: string, at: number): number {
  const close = source.indexOf("*/", at + 2);
  if (close === -1) fail("a comment has no end");
  return afterRightDelimiter(source, close + 2) ?? fail("a comment ends before its delimiter");
}

function lexAction(source: string, start: number, tokens: Token[]): number {
  let depth = 0;
  tokens.push({ type: "left" });
  for (let at = start; ;) {
    const end = afterRightDelimiter(source, at);
    if (end !== undefined) {
      if (depth > 0) fail("a parenthesis is not closed");
      tokens.push({ type: "right" });
      return end;
    }
    if (at >= source.length) fail("an action is not closed");
    const [token, next] = lexToken(source, at);
    if (token.type === "open") depth += 1;
    if (token.type === "close" && --depth < 0) fail("a parenthesis is closed that was not opened");
    tokens.push(token);
    at = next;
  }
}

function lexToken(source: string, at: number): [Token, number] {
  const character = String.fromCodePoint(source.codePointAt(at) ?? 0);
  if (SPACE.test(character)) return [{ type: "space" }, endOfSpace(source, at)];
  switch (character) {
    case "=":
      return [{ type: "assign" }, at + 1];
    case ":":
      if (source[at + 1] !== "=") fail("expected :=");
      return [{ type: "declare" }, at + 2];
    case "|":
      return [{ type: "pipe" }, at + 1];
    case "(":
      return [{ type: "open" }, at + 1];
    case ")":
      return [{ type: "close" }, at + 1];
    case '"':
      return lexQuoted(source, at, '"');
    case "'":
      return lexQuoted(source, at, "'");
    case "`":
      return lexRaw(source, at);
    case "$":
      return lexName(source, at, "variable");
  }
  if (character === "." && !/[0-9]/.test(source[at + 1] ?? "0")) return lexName(source, at, "field");
  if (/[.+\-0-9]/.test(character)) return lexNumber(source, at);
  if (WORD.test(character)) return lexWord(source, at);
  if (/[!-~]/.test(character)) return [{ type: "char", text: character }, at + 1];
  return fail(`unexpected ${JSON.stringify(character)} in an action`);
}

/** The last blank stays when a trim marker follows: it is the marker's. */
function endOfSpace(source: string, at: number): number {
  let end = at;
  while (SPACE.test(source[end] ?? "")) end += 1;
  return source.startsWith("-}}", end) && end - at > 1 ? end - 1 : end;
}

function endOfWord(source: string, at: number): number {
  let end = at;
  for (;;) {
    const character = String.fromCodePoint(source.codePointAt(end) ?? 0);
    if (end >= source.length || !WORD.test(character)) return end;
    end += character.length;
  }
}

const isTerminator = (source: string, at: number) =>
  at >= source.length || /[ \t\r\n.,|:()]/.test(source[at] ?? "") || source.startsWith("}}", at);

function lexName(source: string, at: number, type: "field" | "variable"): [Token, number] {
  const end = endOfWord(source, at + 1);
  if (!isTerminator(source, end)) fail(`unexpected ${JSON.stringify(source[end])} in a name`);
  if (type === "field" && end === at + 1) return [{ type: "dot" }, end];
  return [{ type, text: toBytes(source.slice(type === "field" ? at + 1 : at, end)) }, end];
}

function lexWord(source: string, at: number): [Token, number] {
  const end = endOfWord(source, at);
  const text = source.slice(at, end);
  if (!isTerminator(source, end)) fail(`unexpected ${JSON.stringify(source[end])} after ${text}`);
  if (text === "true" || text === "false") return [{ type: "bool", value: text === "true" }, end];
  if (text === "nil") return [{ type: "nil" }, end];
  return [{ type: KEYWORDS.has(text) ? "keyword" : "identifier", text }, end];
}

function lexQuoted(source: string, at: number, mark: '"' | "'"): [Token, number] {
  let end = at + 1;
  for (; source[end] !== mark; end += source[end] === "\\" ? 2 : 1)
    if (end >= source.length || source[end] === "\n" || source.startsWith("\\\n", end)) fail("a literal is not closed");
  const text = unquote(source.slice(at + 1, end), mark);
  return [mark === '"' ? { type: "string", text } : { type: "number", text, isCharacter: true }, end + 1];
}

function lexRaw(source: string, at: number): [Token, number] {
  const end = source.indexOf("`", at + 1);
  if (end === -1) fail("a literal is not closed");
  return [{ type: "string", text: toBytes(source.slice(at + 1, end).replaceAll("\r", "")) }, end + 1];
}

const NUMBER =
  /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*|0[bB][01_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)/y;

function lexNumber(source: string, at: number): [Token, number] {
  NUMBER.lastIndex = at;
  const text = NUMBER.exec(source)?.[0] ?? "";
  const end = at + text.length;
  if (endOfWord(source, end) > end || /[+-]/.test(source[end] ?? ""))
    fail(`a bad number: ${source.slice(at, end + 1)}`);
  return [{ type: "number", text, isCharacter: false }, end];
}
