// Counts and lists jobs, redrives and discards dead ones: muster queues.
import type { App } from "../../app/open.ts";
import { Failure } from "../../errors.ts";
import type { ShownJob } from "../../domains/queues/api.ts";
import type { JobState } from "../../ports/queue.ts";
import type { Actor } from "../../values/actor.ts";
import { didYouMean } from "../../values/similar.ts";
import { printTable } from "../terminal/table.ts";
import { action, changeApp, printable, UsageError, withApp } from "../verb.ts";
import type { Verb } from "../verb.ts";

const count = action({
  hint: "counts of every queue",
  async run({ json }, cli) {
    const counts = await withApp(cli, ({ api }, actor) => api.queues.counts(actor));
    if (json) {
      cli.print(JSON.stringify(counts));
      return 0;
    }
    if (Object.keys(counts).length === 0) cli.print("Nothing waits.");
    else
      printTable(
        cli,
        ["QUEUE", "PENDING", "DELAYED", "ACTIVE", "DEAD"],
        Object.entries(counts)
          .sort(([one], [other]) => one.localeCompare(other, "en", { numeric: true }))
          .map(([name, { pending, delayed, active, dead }]) => [name, pending, delayed, active, dead]),
      );
    return 0;
  },
});

const STATES: readonly JobState[] = ["dead", "pending", "delayed", "active"];

const list = action({
  positionals: ["QUEUE"],
  flags: { state: "dead|pending|delayed|active", limit: "N", all: true },
  async run({ positionals, state = "dead", limit = "50", all, json }, cli) {
    const wanted = STATES.find((one) => one === state);
    if (!wanted) throw new UsageError(`--state must be one of ${STATES.join(", ")}, got ${JSON.stringify(state)}.`);
    if (!/^[1-9]\d{0,3}$/.test(limit))
      throw new UsageError(`--limit must be a whole number from 1 to 9999, got ${JSON.stringify(limit)}.`);
    const [name = ""] = positionals;
    const { jobs, total } = await withApp(cli, async (app, actor) => {
      await requireQueue(app, actor, name);
      const jobs = await listJobs(app, actor, name, wanted, all ? Infinity : Number(limit));
      return { jobs, total: (await app.api.queues.counts(actor))[name]?.[wanted] ?? 0 };
    });
    if (json) {
      cli.print(JSON.stringify({ jobs }));
      return 0;
    }
    if (jobs.length === 0) cli.print(`No ${wanted} jobs.`);
    else
      printTable(
        cli,
        ["ID", "ATTEMPT", "DUE", "LANE", "REASON"],
        jobs.map((job) => [job.id, job.attempt, job.dueAt, job.lane, job.reason]),
      );
    if (total > jobs.length) cli.say(`${jobs.length} of ${total} shown: --limit shows more, --all all.`);
    return 0;
  },
});

const PAGE = 1_000;

async function listJobs({ api: { queues } }: App, actor: Actor, name: string, state: JobState, most: number) {
  const jobs: ShownJob[] = [];
  for (let cursor: string | undefined; ;) {
    const limit = Math.min(PAGE, most - jobs.length);
    const page = await queues.list(actor, name, { state, limit, ...(cursor !== undefined && { cursor }) });
    jobs.push(...page.jobs);
    if (page.next_cursor === null || jobs.length >= most) return jobs;
    cursor = page.next_cursor;
  }
}

/** Queues with a handler, and queues with jobs. */
async function requireQueue(
  { api: { queues }, runner }: Pick<App, "api" | "runner">,
  actor: Actor,
  name: string,
): Promise<void> {
  const known = new Set([...Object.keys(runner.stats()), ...Object.keys(await queues.counts(actor))]);
  if (known.has(name)) return;
  const list = [...known].sort().join(", ");
  const sentence = `There is no queue ${JSON.stringify(name)}.${didYouMean(name, known)}\nThere are ${list}.`;
  throw new Failure("queues.unknown", 404, sentence);
}

const settle = (verb: "redrive" | "discard", hint: string) =>
  action({
    positionals: ["QUEUE"],
    flags: { id: ["ID"] },
    hint,
    async run({ positionals, id, json }, cli) {
      const done = await changeApp(cli, async (app, actor) => {
        await requireQueue(app, actor, positionals[0] ?? "");
        return app.api.queues[verb](actor, positionals[0] ?? "", id);
      });
      cli.print(
        json
          ? JSON.stringify({ [verb === "redrive" ? "redriven" : "discarded"]: done })
          : `${done === 1 ? "1 job" : `${done} jobs`} ${verb === "redrive" ? "will be tried again" : "deleted"}.`,
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
