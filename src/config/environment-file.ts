// Reads a file of settings as systemd reads EnvironmentFile=: quotes, comments and continued lines, and nothing that a shell would do.

interface EnvironmentFile {
  values: Record<string, string>;
  /** Texts before a `=` that are no name of a variable; systemd skips them too. */
  ignored: string[];
}

type State = "before name" | "name" | "comment" | "before value" | "value" | "single" | "double";

const NEWLINE = "\n\r";
const SPACE = ` \t${NEWLINE}`;
/** A backslash in double quotes escapes these; before any other character it stays. */
const ESCAPED_IN_QUOTES = '"\\`$';
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function parseEnvironmentFile(text: string): EnvironmentFile {
  const read: EnvironmentFile = { values: {}, ignored: [] };
  let state: State = "before name";
  let name = "";
  let value = "";
  /** Length of the value without the spaces at its end, which only quotes and backslashes keep. */
  let kept = 0;
  const end = () => {
    const trimmed = name.trimEnd();
    if (NAME.test(trimmed)) read.values[trimmed] = state === "value" ? value.slice(0, kept) : value;
    else read.ignored.push(trimmed);
    [state, name, value, kept] = ["before name", "", "", 0];
  };
  const take = (character: string, isKept = true) => {
    value += character;
    if (isKept) kept = value.length;
  };
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    const next = text.charAt(at + 1);
    const isNewline = NEWLINE.includes(character);
    switch (state) {
      case "before name":
        if ("#;".includes(character)) state = "comment";
        else if (!SPACE.includes(character)) [state, name] = ["name", character];
        break;
      case "comment":
        // A backslash at the end does not continue a comment, since systemd 254.
        if (isNewline) state = "before name";
        break;
      case "name":
        if (isNewline) [state, name] = ["before name", ""];
        else if (character === "=") state = "before value";
        else name += character;
        break;
      case "before value":
        if (isNewline) end();
        else if (character === "'") state = "single";
        else if (character === '"') state = "double";
        else if (character === "\\") {
          state = "value";
          if (next !== "" && !NEWLINE.includes(next)) take(next);
          at += 1;
        } else if (!SPACE.includes(character)) {
          state = "value";
          take(character);
        }
        break;
      case "value":
        if (isNewline) end();
        else if (character === "\\") {
          if (next !== "" && !NEWLINE.includes(next)) take(next);
          // The spaces before a continued line belong to the value.
          else kept = value.length;
          at += 1;
        } else take(character, !SPACE.includes(character));
        break;
      case "single":
        if (character === "'") state = "before value";
        else take(character);
        break;
      case "double":
        if (character === '"') state = "before value";
        else if (character === "\\") {
          if (ESCAPED_IN_QUOTES.includes(next)) take(next);
          else if (next !== "\n") take(`\\${next}`);
          at += 1;
        } else take(character);
        break;
    }
  }
  if (state !== "before name" && state !== "comment" && state !== "name") end();
  return read;
}
