// Runs as the thread that checks and compares large documents; thread.ts starts it.
import { Failure, reasonOf } from "../../../errors.ts";
import { inspect } from "../intake/document.ts";
import { compareTexts } from "../rules/judge.ts";
import type { LargeAnswer, LargeTask } from "./thread.ts";
import { packText } from "../intake/payload.ts";
import { openRules } from "../rules/rules.ts";

declare const self: Worker;

self.onmessage = ({ data: task }: MessageEvent<LargeTask>) => {
  self.postMessage(answerOf(task));
  // A document of 8 MB leaves 80 MB of garbage, and the next one may be hours away.
  Bun.gc(true);
};

function answerOf(task: LargeTask): LargeAnswer {
  try {
    if (task.kind === "compare") return { result: compare(task), packed: "" };
    const { text, ...read } = inspect(task.bytes);
    return { result: JSON.stringify(read), packed: packText(text) };
  } catch (error) {
    if (!(error instanceof Failure)) return { fault: reasonOf(error) };
    const { code, status, message, data } = error;
    return { failure: JSON.stringify({ code, status, message, data }) };
  }
}

const compare = ({ previous, current, ruleSet }: Extract<LargeTask, { kind: "compare" }>): string =>
  JSON.stringify(compareTexts(previous, current, openRules(JSON.parse(ruleSet))));
