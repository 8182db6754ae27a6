// muster queues: what waits, what died and why, and what to do about it.
import type { JobState } from "../ports/queue.ts";
import { UsageError, printable, readArgs, withApp } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";

export const queues: Verb = {
  name: "queues",
  summary: "Count and list jobs; redrive or discard dead ones.",
  usage: `muster queues [--json]                                       counts of every queue
muster queues list QUEUE [--state dead|pending|delayed|active] [--limit N] [--json]
muster queues redrive QUEUE [--id ID]… [--json]              try dead jobs again
muster queues discard QUEUE [--id ID]… [--json]              delete dead jobs`,
  async run([action = "count", ...args], cli) {
    switch (action) {
      case "list":
        return list(args, cli);
      case "redrive":
      case "discard":
        return settle(action, args, cli);
      case "count":
      case "--json":
        return count(action === "--json" ? [action, ...args] : args, cli);
      default:
        throw new UsageError(`There is no "queues ${action}".`);
    }
  },
};

async function count(args: string[], cli: Cli): Promise<number> {
  const { json } = readArgs(args, {});
  const counts = await withApp(cli, ({ queue }) => queue.counts());
  if (json) {
    cli.print(JSON.stringify(counts));
    return 0;
  }
  if (Object.keys(counts).length === 0) cli.print("Nothing waits.");
  for (const [name, { pending, delayed, active, dead }] of Object.entries(counts)) {
    cli.print(`${name.padEnd(24)} pending ${pending}  delayed ${delayed}  active ${active}  dead ${dead}`);
  }
  return 0;
}

const STATES: readonly JobState[] = ["dead", "pending", "delayed", "active"];

async function list(args: string[], cli: Cli): Promise<number> {
  const {
    positionals,
    state = "dead",
    limit = "50",
    json,
  } = readArgs(args, { state: { type: "string" }, limit: { type: "string" } }, ["QUEUE"]);
  const wanted = STATES.find((one) => one === state);
  if (!wanted) throw new UsageError(`--state must be one of ${STATES.join(", ")}, got ${JSON.stringify(state)}.`);
  if (!/^[1-9]\d{0,3}$/.test(limit))
    throw new UsageError(`--limit must be a whole number from 1 to 9999, got ${JSON.stringify(limit)}.`);
  const jobs = await withApp(cli, ({ queue }) => queue.list(positionals[0] ?? "", wanted, Number(limit)));
  if (json) {
    cli.print(
      JSON.stringify({
        jobs: jobs.map(({ payload, ...job }) => ({ ...job, payload_bytes: Buffer.byteLength(payload) })),
      }),
    );
    return 0;
  }
  if (jobs.length === 0) cli.print(`No ${wanted} jobs.`);
  for (const job of jobs)
    cli.print(
      `${job.id}  attempt ${job.attempt}  due ${job.dueAt.toISOString()}  ${job.lane ?? "-"}  ${printable(job.reason ?? "")}`,
    );
  return 0;
}

async function settle(action: "redrive" | "discard", args: string[], cli: Cli): Promise<number> {
  const { positionals, id, json } = readArgs(args, { id: { type: "string", multiple: true } }, ["QUEUE"]);
  const done = await withApp(cli, ({ queue }) => queue[action](positionals[0] ?? "", id));
  cli.print(
    json
      ? JSON.stringify({ [action === "redrive" ? "redriven" : "discarded"]: done })
      : `${done} job(s) ${action === "redrive" ? "will be tried again" : "deleted"}.`,
  );
  return 0;
}
