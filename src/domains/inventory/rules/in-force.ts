// Holds the rules in force, which are INVENTORY_RULES_FILE as it was when it last had no fault; reads it again when it changes.
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Clock } from "../../../ports/clock.ts";
import { BUILTIN_RULES } from "./builtin-rules.ts";
import { openRules } from "./rules.ts";
import type { Rules, RuleSet } from "./rules.ts";
import { parseRulesWith, RulesFault } from "./file.ts";
import type { GuestSections } from "./file.ts";

export interface RulesInForce<Policy> {
  /** Always judges by the newest rules. */
  rules: Rules;
  ruleSet(): RuleSet;
  policy(): Policy;
  /** What is wrong with the file as it is now, every fault named; undefined while the file is the one in force. */
  fault(): string | undefined;
  /** The built-in rules stand in for a file that was never without fault. */
  isUnread(): boolean;
}

interface RulesInForceDeps<Policy> {
  /** Undefined for the built-in rules. */
  path: string | undefined;
  clock: Clock;
  log: { info(message: string): void; warn(message: string): void };
  guest: GuestSections<Policy>;
  /** Begins with the built-in rules where the file has faults, which otherwise throw. */
  tolerant?: boolean;
}

/** A changed file is seen within this, at the next use of the rules: there is no watcher to lose track. */
const LOOK_MS = 1_000;

export function openRulesInForce<Policy>(deps: RulesInForceDeps<Policy>): RulesInForce<Policy> {
  const { path, clock, log, guest } = deps;
  let inForce = { ruleSet: BUILTIN_RULES, rules: openRules(BUILTIN_RULES), policy: guest.read({}) };
  let fault: string | undefined;
  let isUnread = false;
  /** The files that the rules were last read from, and what told apart that version of them. */
  let files: string[] = [];
  let stamp = "";
  let lookedAtMs = -Infinity;

  const read = () => {
    if (path === undefined) return;
    files = [path];
    stamp = stampOf(files);
    const text = readText(path);
    const { ruleSet, policy } = parseRulesWith(text, guest, (name) => {
      const other = resolve(dirname(path), name);
      files.push(other);
      stamp = stampOf(files);
      return readText(other, `${name}: `);
    });
    inForce = { ruleSet, policy, rules: openRules(ruleSet) };
  };

  const look = () => {
    const nowMs = clock.now().getTime();
    if (path === undefined || Math.abs(nowMs - lookedAtMs) < LOOK_MS) return;
    lookedAtMs = nowMs;
    if (stampOf(files) === stamp) return;
    try {
      read();
      fault = undefined;
      isUnread = false;
      log.info(`The inventory rules were read again: ${path}.`);
    } catch (error) {
      if (!(error instanceof RulesFault)) throw error;
      if (error.message !== fault) log.warn(`The inventory rules stay as they were: ${error.message}`);
      fault = error.message;
    }
  };

  try {
    read();
  } catch (error) {
    if (!deps.tolerant || !(error instanceof RulesFault)) throw error;
    fault = error.message;
    isUnread = true;
  }
  return {
    rules: {
      classify: (change) => (look(), inForce.rules.classify(change)),
      isNoise: (rulePath) => (look(), inForce.rules.isNoise(rulePath)),
      notifies: (change) => (look(), inForce.rules.notifies(change)),
    },
    ruleSet: () => (look(), inForce.ruleSet),
    policy: () => (look(), inForce.policy),
    fault: () => (look(), fault),
    isUnread: () => (look(), isUnread),
  };
}

function readText(path: string, name = ""): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new RulesFault([`${name}the file cannot be read: ${(error as Error).message}`]);
  }
}

/** Also when a file is replaced by another of the same size within one tick of its time. */
function stampOf(paths: string[]): string {
  return paths
    .map((path) => {
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      return stat ? `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}` : "absent";
    })
    .join("\n");
}
