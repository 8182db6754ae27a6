// Completes command lines in bash, zsh and fish: the shells ask the program, so what they offer is what it understands.
import { action, findAction, UsageError } from "./verb.ts";
import type { Action, Verb } from "./verb.ts";

const BASH = `_muster() {
  local line cur=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = :files ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    else
      COMPREPLY+=("\${line%%$'\\t'*}")
    fi
  done < <("\${COMP_WORDS[0]}" complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _muster muster`;

const ZSH = `#compdef muster
_muster() {
  local line
  local -a found
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      _files
    elif [[ $line == *$'\\t'* ]]; then
      found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    else
      found+=("\${line//:/\\\\:}")
    fi
  done < <("\${words[1]}" complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#found} )) && _describe muster found
}
if [[ \${funcstack[1]} == _muster ]]; then _muster "$@"; else compdef _muster muster; fi`;

const FISH = `function __muster_complete
    set -l typed (commandline -opc)
    for line in ($typed[1] complete $typed[2..] (commandline -ct) 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c muster -f -a '(__muster_complete)'`;

export const COMPLETION_SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH };

const printing = (script: string, hint: string): Action =>
  action({
    hint,
    async run(_, cli) {
      cli.print(script);
      return 0;
    },
  });

export const completion: Verb = {
  name: "completion",
  summary: "Print what makes a shell complete the words of muster.",
  actions: {
    bash: printing(BASH, "for ~/.bashrc: source <(muster completion bash)"),
    zsh: printing(ZSH, "for ~/.zshrc: source <(muster completion zsh)"),
    fish: printing(FISH, "muster completion fish > ~/.config/fish/completions/muster.fish"),
  },
};

/** What the scripts call, with every word up to the one that is being typed. */
export function completeVerb(verbs: readonly Verb[]): Verb {
  const print: Action["run"] = async (words, cli) => {
    for (const { word, about } of candidatesFor(words, verbs)) cli.print(about ? `${word}\t${about}` : word);
    return 0;
  };
  const summary = "Print what may stand at the end of a command line.";
  return { name: "complete", summary, actions: { "": { ...action({ run: async () => 0 }), run: print } } };
}

interface Candidate {
  word: string;
  about?: string;
}

/** Tells the shell to offer files. */
const FILES: Candidate = { word: ":files" };

function candidatesFor(typed: string[], verbs: readonly Verb[]): Candidate[] {
  // bash takes `=` for a word of its own.
  const words = typed.filter((word, at) => word !== "=" || at === typed.length - 1);
  const current = words.at(-1) === "=" ? "" : (words.at(-1) ?? "");
  const fit = (all: Candidate[]) => all.filter(({ word }) => word.startsWith(current) || word === FILES.word);
  const named = verbs.map(({ name, summary }): Candidate => ({ word: name, about: summary }));
  if (words.length <= 1)
    return fit([
      ...named,
      { word: "help", about: "Say how a verb is used." },
      { word: "--help" },
      { word: "--version" },
    ]);
  if (words[0] === "help") return words.length === 2 ? fit(named) : [];
  const verb = verbs.find(({ name }) => name === words[0]);
  return verb ? fit(withinVerb(verb, words.slice(1, -1), current)) : [];
}

function withinVerb(verb: Verb, before: string[], current: string): Candidate[] {
  const actions = nextWords(verb, before);
  const found = findQuietly(verb, before);
  if (!found) return current.startsWith("-") ? [{ word: "--help" }] : actions;
  const { action: chosen, rest } = found;
  const value = chosen.flags[flagNameOf(chosen, rest.at(-1) ?? "") ?? ""];
  if (value !== undefined && value !== true) return valuesOf(typeof value === "string" ? value : value[0]);
  if (current.startsWith("-")) return flagsOf(chosen, rest);
  const positional = chosen.positionals[positionalsOf(chosen, rest)];
  return [...actions, ...(positional === undefined ? [] : valuesOf(positional))];
}

function findQuietly(verb: Verb, before: string[]) {
  try {
    return findAction(verb, before);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** Words that lead to an action: "noise", and after it "pin". */
function nextWords({ actions }: Verb, before: string[]): Candidate[] {
  const next = new Map<string, string>();
  for (const [name, { hint }] of Object.entries(actions)) {
    const words = name.split(" ");
    const word = words[before.length];
    if (!word || !before.every((one, at) => one === words[at])) continue;
    next.set(word, words.length === before.length + 1 ? hint : (next.get(word) ?? ""));
  }
  return [...next].map(([word, about]) => ({ word, about }));
}

function flagsOf({ flags }: Action, rest: string[]): Candidate[] {
  const repeatable = (name: string) => typeof flags[name] === "object";
  return [...Object.keys(flags), "json", "help"]
    .filter((name) => repeatable(name) || !rest.includes(`--${name}`))
    .map((name) => ({ word: `--${name}` }));
}

function flagNameOf({ flags, short }: Action, word: string): string | undefined {
  if (word.startsWith("--")) return Object.hasOwn(flags, word.slice(2)) ? word.slice(2) : undefined;
  return word.startsWith("-") ? short[word.slice(1)] : undefined;
}

function positionalsOf(chosen: Action, rest: string[]): number {
  let count = 0;
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at] ?? "";
    const value = chosen.flags[flagNameOf(chosen, word) ?? ""];
    if (value !== undefined && value !== true) at += 1;
    else if (!word.startsWith("-")) count += 1;
  }
  return count;
}

/** Choices as they stand in the table; files where it asks for one. */
function valuesOf(placeholder: string): Candidate[] {
  if (/^\[?(FILE|DIR)\]?$/.test(placeholder)) return [FILES];
  return /^[a-z0-9-]+(\|[a-z0-9-]+)+$/.test(placeholder) ? placeholder.split("|").map((word) => ({ word })) : [];
}
