// Merges what several processes report into one text of metrics and one set of figures.
import type { HandlerStats } from "../jobs/runner.ts";
import type { QueueName } from "../ports/queue.ts";
import type { Child } from "./child.ts";
import type { ProcessSpec } from "./messages.ts";

/** Slot of one process, whose pid changes with each restart. */
export interface Slot {
  readonly spec: ProcessSpec;
  child: Child | undefined;
  restarts: number;
}

/** Each sample gets its process as the first label; families of several processes become one, as the format demands. */
export function labelled(texts: ReadonlyMap<string, string>): string {
  const families = new Map<string, string[]>();
  for (const [name, text] of texts) {
    for (const block of text.trimEnd().split(/\n\n(?=# HELP )/)) {
      const lines = block.split("\n");
      const head = lines.filter((line) => line.startsWith("#")).join("\n");
      const samples = lines.filter((line) => line !== "" && !line.startsWith("#"));
      families.set(head, [...(families.get(head) ?? []), ...samples.map((sample) => withProcess(sample, name))]);
    }
  }
  return [...families].map(([head, samples]) => `${[head, ...samples].join("\n")}\n`).join("\n");
}

function withProcess(sample: string, name: string): string {
  const [metric = "", rest = ""] = [/^[\w:]+/.exec(sample)?.[0], sample.replace(/^[\w:]+/, "")];
  const label = `process=${JSON.stringify(name)}`;
  return rest.startsWith("{") ? `${metric}{${label},${rest.slice(1)}` : `${metric}{${label}}${rest}`;
}

/** Jobs are counted where they ran; the latest activity is the latest of all. */
export function summed(all: readonly Record<QueueName, HandlerStats>[]): Record<QueueName, HandlerStats> {
  const sum: Record<QueueName, HandlerStats> = {};
  for (const [queue, stats] of all.flatMap((one) => Object.entries(one))) {
    const known = sum[queue];
    sum[queue] = !known
      ? { ...stats }
      : {
          running: known.running + stats.running,
          done: known.done + stats.done,
          failed: known.failed + stats.failed,
          buried: known.buried + stats.buried,
          lastActivityAt: latest(known.lastActivityAt, stats.lastActivityAt),
        };
  }
  return sum;
}

/** Between processes an instant is ISO 8601, which sorts as time does. */
const latest = (one: Date | null, other: Date | null) => (String(one ?? "") > String(other ?? "") ? one : other);

/** The supervisor's own metrics of its processes. */
export function ownMetrics(slots: readonly Slot[]): string {
  const family = (name: string, type: string, help: string, value: (slot: Slot) => number) =>
    [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...slots.map((slot) => `${name}{process=${JSON.stringify(slot.spec.name)}} ${value(slot)}`),
      "",
    ].join("\n");
  return [
    family("muster_process_up", "gauge", "1 while the process serves.", ({ child }) => (child?.isReady ? 1 : 0)),
    family("muster_process_restarts_total", "counter", "Times it was started again.", ({ restarts }) => restarts),
  ].join("\n");
}
