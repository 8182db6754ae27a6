// muster queues: what waits, what died and why, and what to do about it.
import type { JobState } from "../ports/queue.ts";
import { action, changeApp, printable, UsageError, withApp } from "./verb.ts";
import type { Verb } from "./verb.ts";

const count = action({
  hint: "counts of every queue",
  async run({ json }, cli) {
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
  },
});

const STATES: readonly JobState[] = ["dead", "pending", "delayed", "active"];

const list = action({
  positionals: ["QUEUE"],
  flags: { state: "dead|pending|delayed|active", limit: "N" },
  async run({ positionals, state = "dead", limit = "50", json }, cli) {
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
  },
});

const settle = (verb: "redrive" | "discard", hint: string) =>
  action({
    positionals: ["QUEUE"],
    flags: { id: ["ID"] },
    hint,
    async run({ positionals, id, json }, cli) {
      const done = await changeApp(cli, ({ queue }) => queue[verb](positionals[0] ?? "", id));
      cli.print(
        json
          ? JSON.stringify({ [verb === "redrive" ? "redriven" : "discarded"]: done })
          : `${done} job(s) ${verb === "redrive" ? "will be tried again" : "deleted"}.`,
      );
      return 0;
    },
  });

export const queues: Verb = {
  name: "queues",
  summary: "Count and list jobs; redrive or discard dead ones.",
  actions: {
    "": count,
    list,
    redrive: settle("redrive", "try dead jobs again"),
    discard: settle("discard", "delete dead jobs"),
  },
};
