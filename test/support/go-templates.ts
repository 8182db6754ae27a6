// Makes templates from a seed and asks Go what it makes of them (go-templates/main.go).
import { rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./run.ts";
import type { Random } from "./random.ts";

export interface GoOutcome {
  template: string;
  text?: string;
  error?: string;
  /** It ran too long or made too much for Go too. */
  endless?: boolean;
}

export interface GoTemplates extends Disposable {
  render(labels: Record<string, string>, templates: string[]): GoOutcome[];
}

const go = Bun.which("go");
if (!go && process.env["REQUIRE_SERVICES"]) throw new Error("Go is not installed, and REQUIRE_SERVICES is set.");
if (!go) console.warn("Skipped: templates beside Go's own, because Go (1.26 or newer) is not installed.");
export const hasGo = go !== null;

export function openGoTemplates(): GoTemplates {
  const directory = temporaryDirectory("go");
  const program = join(directory, "templates");
  const built = Bun.spawnSync([go ?? "go", "build", "-o", program, "."], {
    cwd: join(import.meta.dir, "go-templates"),
    stderr: "pipe",
  });
  if (built.exitCode !== 0) throw new Error(`go build: ${built.stderr.toString()}`);
  return {
    render(labels, templates) {
      const { stdout, exitCode, stderr } = Bun.spawnSync([program], {
        stdin: Buffer.from(JSON.stringify({ labels, templates })),
      });
      if (exitCode !== 0) throw new Error(`the Go program: ${stderr.toString().slice(0, 2_000)}`);
      return (JSON.parse(stdout.toString()) as { cases: GoOutcome[] }).cases;
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export const GO_LABELS: Record<string, string> = {
  alertname: "DiskFull",
  bell: "\x07",
  emoji: "😀",
  empty: "",
  html: '<a href="x">&\'</a>',
  nl: "a\nb\tc\r",
  num: "42",
  percent: "95%",
  quote: "a\"b'c`",
  uni: "è pieno – 日本\u2028\ufeff",
  odd: "\u00ad\u0301\ue000\x7f\u0085",
  è: "accented",
};

const SPACES = ["", "", "", " ", "  ", "\n", "\t "] as const;
const VERBS = [..."vdsqxXoObBcUeEfFgGtTw!%zé"] as const;
const FLAGS = ["", "", "", "+", "-", "#", " ", "0", "+#", "0-", "# ", "+0", "#0"] as const;
const NUMBERS = [
  ..."0 1 2 7 42 255 65536 -1 -5 0x1F 0X_1f 0b101 0B1_0 0o17 0O_7 017 09.5 1_000 9223372036854775807 1114111 1114112 -255".split(
    " ",
  ),
  ..."1e3 1E-7 1e21 1e20 123456789.0 1e22 1e23 1.5 -2.5 .5 5. 0.000001 1.0 -0.0 0.1 100000.0 1000000.0 1e100 1e308 5e-324".split(
    " ",
  ),
  ..."0x1p4 0x1.8p1 0x1p-2 0x.8p0 3.14159 1_0.5 1e1_0 +3 1.e5 0.3 2.5e-5 99999.5 123456.7891 1e-5 4e15 'a' '\\n' '😀' '\\x41'".split(
    " ",
  ),
] as const;
const ODD_NUMBERS =
  "08 0x_ 1__0 _1 1_ 9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551616 1e309 0xp1 'ab' '' '\\'' '\\\"' 1e 0b2".split(
    " ",
  );
const STRINGS = [
  ...[
    '""',
    '"a"',
    '"é"',
    '"😀x"',
    '"\\x80"',
    '"\\xe9\\x65"',
    '"\\377"',
    '"<>&=\\"\'"',
    '"\\u2028"',
    '"%"',
    "`raw\\n`",
    "`a\nb`",
    '"\\n\\t\\a"',
  ],
  ...['"\\U0001F600"', '"a b+c/é"', '"日本語"', '"\\xf0\\x9f"', '"x\\x00y"', '"\\u00ad"', '"\\x7f"', '"42"'],
] as const;
const ODD_STRINGS = ['"\\ud800"', '"\\q"', '"a\nb"', '"open', "`open"];
const COMMENTS = ["/* x */", "/* x */", "/*/ x */", "/**/", "/***/"] as const;
const ODD_COMMENTS = ["/* a */ ", " /* a */", "/* a", "/* */ .num", "- /* a */ -"];

/** One template of the grammar, now and then broken. */
export function makeTemplate(random: Random): string {
  const text = Array.from({ length: 1 + random.int(3) }, () => step(random, 2)).join("");
  return random.int(12) === 0 ? broken(random, text) : text;
}

function broken(random: Random, text: string): string {
  const at = random.int(text.length + 1);
  const piece = random.pick([
    "{{",
    "}}",
    " -}}",
    "{{- ",
    "(",
    ")",
    "|",
    ".",
    "$",
    '"',
    "'",
    "/*",
    "*/",
    "\\",
    "%",
    ",",
    "é",
    " ",
    ":=",
    "end",
  ]);
  return random.int(2) === 0
    ? text.slice(0, at) + piece + text.slice(at)
    : text.slice(0, at) + text.slice(at + 1 + random.int(3));
}

function step(random: Random, depth: number): string {
  const [open, close] = [
    random.pick(["{{", "{{", "{{", "{{- ", "{{-\n"]),
    random.pick(["}}", "}}", "}}", " -}}", "\t-}}"]),
  ];
  const action = (words: string) => `${open}${random.pick(SPACES)}${words}${random.pick(SPACES)}${close}`;
  const inside = () =>
    depth > 0 ? step(random, depth - 1) + (random.int(3) === 0 ? step(random, depth - 1) : "") : "x";
  const otherwise = () =>
    random.int(3) === 0
      ? `{{else}}${inside()}`
      : random.int(6) === 0
        ? `{{else if ${pipeline(random, 1)}}}${inside()}`
        : "";
  switch (random.int(depth > 0 ? 18 : 9)) {
    case 0:
      return random.pick(["text", " é ", "\n", "a{b}c", "  x  ", "{", "\r\n"]);
    case 1:
      return random.int(10) === 0
        ? action(random.pick(ODD_COMMENTS))
        : `{{${random.pick(["", "- "])}${random.pick(COMMENTS)}${random.pick(["", " -"])}}}`;
    case 2:
      return action(`$x := ${pipeline(random, depth)}`) + random.pick(["{{$x}}", "", "{{$x = .num}}{{$x}}"]);
    case 9:
      return action(`if ${pipeline(random, depth)}`) + inside() + otherwise() + "{{end}}";
    case 10:
      return (
        action(`with ${random.pick(["", "$w := "])}${pipeline(random, depth)}`) +
        inside() +
        (random.int(4) === 0 ? "{{else with .num}}{{.}}" : otherwise()) +
        "{{end}}"
      );
    case 11:
      return (
        action(`range ${random.pick(["", "$v := ", "$k, $v := "])}${ranged(random)}`) +
        `{{.}}${random.pick(["", "", "{{break}}", "{{continue}}"])}` +
        inside() +
        otherwise() +
        "{{end}}"
      );
    case 12:
      return `{{define ${random.pick(['"a"', '"b"', '""', "`a`"])}}}${inside()}{{end}}{{template ${random.pick(['"a"', '"b"', '""'])}${random.pick(["", " .", " .num", " 1"])}}}`;
    case 13:
      return `{{block ${random.pick(['"a"', '"c"'])} ${pipeline(random, 1)}}}${inside()}{{end}}`;
    default:
      return action(pipeline(random, depth));
  }
}

const ranged = (random: Random) =>
  random.int(12) === 0
    ? random.pick([".num", "1.5", "true", "nil", '"ab"', "(index .alertname 0 | len)"])
    : random.pick(["3", "0", "-1", ".", "$", "(len .num)", "(index .bell 0)", "'\\x03'", ".missing"]);

function pipeline(random: Random, depth: number): string {
  const commands = Array.from({ length: 1 + (random.int(4) === 0 ? 1 + random.int(2) : 0) }, (_, at) =>
    command(random, depth, at > 0),
  );
  return commands.join(random.pick([" | ", "|", " |"]));
}

/** Most commands are as Go wants them; one of a dozen has something wrong with it. */
function command(random: Random, depth: number, isPiped: boolean): string {
  const isOdd = random.int(24) === 0;
  const given = isPiped ? 1 : 0;
  const some = (least: number) =>
    operands(random, depth, Math.max(least + (isOdd ? random.int(3) - 1 : random.int(2)) - given, 0));
  const exactly = (count: number) => operands(random, depth, Math.max(count - given + (isOdd ? 1 : 0), 0));
  if (!isPiped && random.int(3) === 0) return operand(random, depth);
  const name = random.pick(FUNCTIONS);
  switch (name) {
    case "printf":
      return [name, format(random), ...some(random.int(3))].join(" ");
    case "index":
      return isPiped
        ? "index ."
        : `index ${random.pick(['. "num"', '. "missing"', ".num 0", ".uni 1", '"abc" 2', isOdd ? ".num 9" : "$ `è`"])}`;
    case "slice":
      return `slice ${isPiped ? ".alertname" : `${random.pick([".alertname", ".uni", '"abcdé"'])} ${random.pick(["", "0", "1", "0 1", "1 3", isOdd ? "2 1" : "3 5"])}`}`;
    case "len":
      return isPiped ? name : `len ${random.pick([".uni", ".", '"é"', isOdd ? "1" : ".num"])}`;
    case "eq":
    case "ne":
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return [name, ...(isOdd ? some(1) : alike(random, depth, (name === "eq" ? 2 + random.int(2) : 2) - given))].join(
        " ",
      );
    case "and":
    case "or":
      return [name, ...some(1)].join(" ");
    case "not":
      return [name, ...exactly(1)].join(" ");
    case "print":
    case "println":
      return [name, ...some(random.int(3))].join(" ");
    case "html":
    case "js":
    case "urlquery":
      return [name, ...some(random.int(2))].join(" ");
    default:
      return isOdd ? [name, ...some(1)].join(" ") : operand(random, depth);
  }
}

const FUNCTIONS = [
  ..."print println printf printf printf printf printf printf len index slice eq ne lt le gt ge and or not html js urlquery".split(
    " ",
  ),
  ..."call nothing".split(" "),
];

const operands = (random: Random, depth: number, count: number) =>
  Array.from({ length: Math.max(count, 0) }, () => operand(random, depth));

/** Values of one kind, which can be compared. */
function alike(random: Random, depth: number, count: number): string[] {
  const kind = random.int(4);
  const one = () => {
    if (kind === 0) return random.pick(["1", "2", "-1", "'a'", "(len .num)", "42", "(index .num 0)"]);
    if (kind === 1) return random.pick(["1.5", "1e3", "0.1", "-0.0", "1000.0"]);
    if (kind === 2) return random.pick(STRINGS);
    return random.pick([".num", ".alertname", '"42"', ".empty", "(print 4 2)"]);
  };
  return Array.from({ length: Math.max(count, 0) }, () => (random.int(30) === 0 ? operand(random, depth) : one()));
}

function operand(random: Random, depth: number): string {
  switch (random.int(depth > 0 ? 10 : 9)) {
    case 0:
    case 1:
      return random.int(30) === 0 ? random.pick(ODD_NUMBERS) : random.pick(NUMBERS);
    case 2:
      return random.int(30) === 0 ? random.pick(ODD_STRINGS) : random.pick(STRINGS);
    case 3:
    case 4:
    case 5:
      return `${random.pick([".", ".", "$."])}${random.pick(Object.keys(GO_LABELS))}`;
    case 6:
      return random.int(6) === 0
        ? random.pick(["nil", "$x", "$k", "$v", ".num.x", ".missing.x"])
        : random.pick([".", "$", "true", "false", ".missing"]);
    case 7:
      return random.pick([
        "(index .alertname 1)",
        "(index .uni 0)",
        '(index . "missing")',
        "(len .uni)",
        "(slice .uni 0 1)",
        "(slice .emoji 1 3)",
        '(index . "num")',
      ]);
    case 8:
      return random.int(12) === 0
        ? random.pick(["(.missing).x", "(nil)"])
        : random.pick(["(.num)", "($).num", "(print 1 2)", "(1)"]);
    default:
      return `(${pipeline(random, depth - 1)})`;
  }
}

/** A format of printf with all that fmt reads, and what it complains of. */
function format(random: Random): string {
  const verb = () => {
    const index = () =>
      random.int(9) === 0
        ? random.pick(["[1]", "[2]", "[1]", "[3]", "[9]", "[0]", "[]", "[x]", "[-1]", "[1", "["])
        : "";
    const width = () => (random.int(3) === 0 ? random.pick(["1", "5", "08", "12", "*", "0"]) : "");
    const precision = () => (random.int(3) === 0 ? random.pick([".", ".0", ".1", ".3", ".10", ".*", ".25"]) : "");
    return `%${random.pick(FLAGS)}${index()}${width()}${precision()}${index()}${random.int(20) === 0 ? "" : random.pick(VERBS)}`;
  };
  const parts = Array.from({ length: 1 + random.int(3) }, () => verb() + random.pick(["", "", " ", "|", "é"]));
  return `"${parts.join("")}"`;
}
