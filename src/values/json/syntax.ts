// Finds where and why a text is not JSON, for the sentence an appliance's owner reads; the runtime gives no position.

interface SyntaxFault {
  /** Offset in UTF-16 units. */
  at: number;
  reason: string;
}

type Expected =
  "a value" | "a value or ]" | "a key or }" | "a key" | "a colon" | "a comma or a closing bracket" | "nothing more";

/** Undefined when the text is JSON. Linear, and without recursion, so depth does not matter. */
export function findSyntaxFault(text: string): SyntaxFault | undefined {
  const open: string[] = [];
  let expected: Expected = "a value";
  let at = skipBlanks(text, 0);
  for (; at < text.length; at = skipBlanks(text, at)) {
    const char = text.charAt(at);
    const inObject = open.at(-1) === "{";
    if (expected === "a colon") {
      if (char !== ":") return unexpected(text, at, expected);
      expected = "a value";
      at++;
    } else if (char === "," && expected === "a comma or a closing bracket") {
      expected = inObject ? "a key" : "a value";
      at++;
    } else if ((char === "}" && inObject) || (char === "]" && !inObject && open.length > 0)) {
      if (!["a comma or a closing bracket", "a key or }", "a value or ]"].includes(expected))
        return unexpected(text, at, expected);
      open.pop();
      expected = open.length === 0 ? "nothing more" : "a comma or a closing bracket";
      at++;
    } else if (expected === "a key" || expected === "a key or }") {
      if (char !== '"') return unexpected(text, at, expected);
      const end = stringEnd(text, at);
      if (typeof end !== "number") return end;
      at = end;
      expected = "a colon";
    } else if (expected === "a value" || expected === "a value or ]") {
      if (char === "{" || char === "[") {
        open.push(char);
        expected = char === "{" ? "a key or }" : "a value or ]";
        at++;
      } else {
        const end = char === '"' ? stringEnd(text, at) : scalarEnd(text, at, expected);
        if (typeof end !== "number") return end;
        at = end;
        expected = open.length === 0 ? "nothing more" : "a comma or a closing bracket";
      }
    } else return unexpected(text, at, expected);
  }
  return expected === "nothing more"
    ? undefined
    : { at: text.length, reason: `the data ends where ${expected} should follow` };
}

/** "offset 12 (line 1, column 13)", counted in characters as an editor does. */
export function positionOf(text: string, at: number): string {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  return `offset ${at} (line ${line}, column ${at - lineStart + 1})`;
}

function skipBlanks(text: string, at: number): number {
  while (at < text.length && " \t\n\r".includes(text.charAt(at))) at++;
  return at;
}

function stringEnd(text: string, start: number): number | SyntaxFault {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return { at, reason: `a string holds ${shown(text, at)}, which must be escaped` };
    if (code !== 0x5c) continue;
    const escape = /^\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/.exec(text.slice(at, at + 6));
    if (!escape) return { at, reason: `a string holds the unknown escape ${JSON.stringify(text.slice(at, at + 2))}` };
    at += escape[0].length - 1;
  }
  return { at: text.length, reason: `the data ends inside the string that starts at ${positionOf(text, start)}` };
}

const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.+-])/y;

function scalarEnd(text: string, at: number, expected: Expected): number | SyntaxFault {
  SCALAR.lastIndex = at;
  if (SCALAR.test(text)) return SCALAR.lastIndex;
  const word = /^[\w.+-]+/.exec(text.slice(at, at + 40))?.[0];
  return word ? { at, reason: `${JSON.stringify(word)} is not a JSON value` } : unexpected(text, at, expected);
}

function unexpected(text: string, at: number, expected: Expected): SyntaxFault {
  const found = shown(text, at);
  return {
    at,
    reason:
      expected === "nothing more" ? `${found} follows the end of the document` : `expected ${expected}, found ${found}`,
  };
}

function shown(text: string, at: number): string {
  const code = text.codePointAt(at) ?? 0;
  return code > 0x20 && code !== 0x7f
    ? JSON.stringify(String.fromCodePoint(code))
    : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
