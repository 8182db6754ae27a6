// Writes the manual page muster(1) from the tables of the verbs, which --help is made from too: `bun scripts/man-page.ts > muster.1`.
import { usageOfAction } from "../src/cli/help.ts";
import { VERBS } from "../src/cli/run.ts";
import type { Verb } from "../src/cli/verb.ts";
import { VERSION } from "../src/cli/version.ts";

/** In roff; `date` is the day of the version, as 2026-11-24. */
export function describeManual(date: string): string {
  return `${[
    `.TH MUSTER 1 ${date} "muster ${VERSION}" "User Commands"`,
    // No hyphenation and no stretched lines: what is written in bold is to be typed.
    ".nh",
    ".ad l",
    ".SH NAME",
    String.raw`muster \- appliance gateway: heartbeats, inventories, backups and alerts`,
    ".SH SYNOPSIS",
    String.raw`.B muster`,
    String.raw`.I verb`,
    String.raw`[\fIaction\fR] [\fIarguments\fR] [\fB\-\-json\fR]`,
    ".SH DESCRIPTION",
    text(DESCRIPTION),
    ".SH VERBS",
    ...VERBS.map(describeVerb),
    ...Object.entries(REST).flatMap(([heading, paragraphs]) => [`.SH ${heading}`, ...paragraphs]),
  ].join("\n")}\n`;
}

const DESCRIPTION = `Muster receives heartbeats, inventories, alerts and encrypted backups from appliances, stores them, and shows what
changed. It carries its own PostgreSQL; DATABASE_URL, REDIS_URL and S3_ENDPOINT name services of yours instead. "muster serve" runs
the gateway. All other verbs are for its operators, and work beside a running gateway on the same DATA_DIR or DATABASE_URL.`;

function item(term: string, meaning: string): string {
  return `.TP\n${bold(term)}\n${text(meaning)}`;
}

const REST: Record<string, string[]> = {
  OPTIONS: [
    item("--json", "Print one JSON value on standard output, and nothing else there. Every verb takes it."),
    item("-h, --help", "Explain a verb: muster VERB --help."),
  ],
  "EXIT STATUS": [
    item("0", "Done."),
    item("1", "Failed; standard error says why, and what to do."),
    item("2", "Misused: a verb, action or flag that does not exist, or one that is missing."),
    item("141", "The reader of standard output has gone."),
  ],
  ENVIRONMENT: [
    text('Every setting is an environment variable. "muster config" prints all of them, with value and meaning.'),
    item(
      "MUSTER_ENV_FILE",
      "The settings file that is read beside the environment, instead of /etc/muster/muster.env; empty: none.",
    ),
  ],
  FILES: [
    item("/etc/muster/muster.env", "Settings of an installed program, one NAME=value a line."),
    item("/var/lib/muster", "Data of an installed program, and of one that root runs (DATA_DIR)."),
  ],
  EXAMPLES: [
    item('muster systems add --name "Branch 12"', "Add an appliance, and print its key and secret."),
    item("muster systems changes KEY --severity high,critical", "List the serious changes of one system."),
    item("muster inventory query 'facts.distro.version < 8.6'", "List the systems with an old version."),
    item("muster dump /backup/muster.tar.zst --objects", "Back up everything while the gateway serves."),
  ],
  "SEE ALSO": [".BR systemctl (1),", ".BR curl (1)"],
};

function describeVerb(verb: Verb): string {
  const actions = Object.entries(verb.actions).map(([words, action]) => {
    const usage = usageOfAction(verb, words, { ...action, hint: "" }).replaceAll(/\s+/g, " ");
    const name = `muster ${verb.name} ${words}`.trim();
    const line = `${bold(name)}${escape(usage.slice(name.length))}`;
    return action.hint ? `.TP\n${line}\n${text(sentence(action.hint))}` : `.PP\n${line}`;
  });
  const notes = verb.notes ? [".PP", text(verb.notes)] : [];
  return [`.SS ${verb.name}`, text(verb.summary), ...actions, ...notes].join("\n");
}

/** Hints are fragments beside the usage; below it they stand alone. */
function sentence(hint: string): string {
  return `${hint.slice(0, 1).toUpperCase()}${hint.slice(1)}${/[.!?)]$/.test(hint) ? "" : "."}`;
}

function bold(words: string): string {
  return `\\fB${escape(words)}\\fR`;
}

/** A line that begins with a dot or an apostrophe would be a request. */
function text(words: string): string {
  return escape(words).replaceAll(/^(?=[.'])/gm, "\\&");
}

/** Backslashes and hyphens as they are, and signs beyond ASCII by their number, so that no terminal's encoding matters. */
function escape(words: string): string {
  const ascii = words.replaceAll("…", "...").replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return ascii.replaceAll(
    /[^\x00-\x7f]/gu,
    (sign) => `\\[u${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`,
  );
}

if (import.meta.main) await Bun.write(Bun.stdout, describeManual(new Date().toISOString().slice(0, 10)));
