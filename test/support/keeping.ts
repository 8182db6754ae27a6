// Asks the run's keeper for what the whole run shares.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runDirectory, socketOf } from "./run.ts";

/** On a machine with much else to do, starting a server takes long. */
const START_MS = 180_000;
const POLL_MS = 5;

const directory = runDirectory();
const unix = socketOf(directory);
await keeperAnswers();

export async function askKeeper(what: string, body = ""): Promise<string> {
  const signal = AbortSignal.timeout(START_MS);
  const response = await fetch(`http://keeper/${what}`, { method: "POST", unix, signal, body });
  const text = await response.text();
  if (!response.ok) throw new Error(`The keeper of this run failed: ${text}\n${keeperLog()}`);
  return text;
}

async function keeperAnswers(): Promise<void> {
  const endMs = performance.now() + START_MS;
  const answers = () => fetch("http://keeper/", { unix }).then(Boolean, () => false);
  while (!(await answers())) {
    if (performance.now() > endMs) throw new Error(`The keeper of this run does not answer: ${keeperLog()}`);
    await Bun.sleep(POLL_MS);
  }
}

const keeperLog = () => readFileSync(join(directory, "keeper.log"), "utf8");
