// Checks and compares large documents one at a time on a thread of their own, so that heartbeats do not wait for them.
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import { LARGE_BYTES } from "../intake/document.ts";
import type { Inspected } from "../intake/document.ts";
import { compareStored } from "../rules/judge.ts";
import type { ComparedChange, StoredDocument } from "../rules/judge.ts";
import type { Rules, RuleSet } from "../rules/rules.ts";

/** After this long without work the thread is ended, which frees its memory. */
const IDLE_MS = 30_000;

/** Flat, with JSON texts for what is nested: such messages reach the other thread without being cloned. */
export type LargeTask =
  { kind: "inspect"; bytes: Uint8Array } | { kind: "compare"; previous: string; current: string; ruleSet: string };

export interface LargeAnswer {
  /** JSON. */
  result?: string;
  packed?: string;
  /** What to tell the client, as JSON. */
  failure?: string;
  /** What went wrong otherwise, for the log. */
  fault?: string;
}

interface LargePair {
  previous: string;
  current: string;
  ruleSet: RuleSet;
}

export interface LargeDocuments {
  /** Takes the bytes away from the caller. Also packs the text for its way through the queue. */
  inspect(bytes: Uint8Array): Promise<{ inspected: Inspected; packed: string }>;
  compare(pair: LargePair): Promise<ComparedChange[]>;
  close(): Promise<void>;
}

export function openLargeDocuments({ clock }: { clock: Clock }): LargeDocuments {
  let worker: Worker | undefined;
  let cancelEnd = () => {};
  let last: Promise<unknown> = Promise.resolve();

  const end = () => {
    cancelEnd();
    worker?.terminate();
    worker = undefined;
  };

  const run = async (task: LargeTask): Promise<LargeAnswer> => {
    cancelEnd();
    const thread = (worker ??= new Worker(workerUrl(), { smol: true }));
    const { promise, resolve, reject } = Promise.withResolvers<LargeAnswer>();
    thread.onmessage = ({ data }: MessageEvent<LargeAnswer>) => resolve(data);
    thread.onerror = ({ message }) => reject(new Error(`the thread for large documents failed: ${message}`));
    try {
      thread.postMessage(task, task.kind === "inspect" ? transferable(task.bytes) : []);
      return await promise;
    } catch (error) {
      end();
      throw error;
    } finally {
      if (worker) cancelEnd = clock.after(IDLE_MS, end);
    }
  };

  /** One after the other: two at once would hold twice the memory and be no faster. */
  const ask = async (task: LargeTask) => {
    const mine = last.then(() => run(task));
    last = mine.catch(() => {});
    const { result, packed = "", failure, fault } = await mine;
    if (failure !== undefined) throw failureOf(failure);
    if (result === undefined) throw new Error(fault ?? "the thread for large documents gave no answer");
    return { result: JSON.parse(result), packed };
  };

  return {
    async inspect(bytes) {
      const { result, packed } = await ask({ kind: "inspect", bytes });
      return { inspected: result, packed };
    },
    async compare({ previous, current, ruleSet }) {
      return (await ask({ kind: "compare", previous, current, ruleSet: JSON.stringify(ruleSet) })).result;
    },
    async close() {
      await last;
      end();
    },
  };
}

/** The executable keeps each entry point by its path below src (scripts/build.ts). */
const workerUrl = () =>
  new URL(Bun.isStandaloneExecutable ? "./domains/inventory/large/worker.js" : "./worker.ts", import.meta.url).href;

/** Bytes that are a window of something larger have to be copied. */
const transferable = ({ buffer, byteLength }: Uint8Array): ArrayBuffer[] =>
  buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];

function failureOf(json: string): Failure {
  const { code, status, message, data }: Pick<Failure, "code" | "status" | "message" | "data"> = JSON.parse(json);
  return new Failure(code, status, message, data ? { data } : {});
}

export type Compare = (previous: StoredDocument, current: StoredDocument) => Promise<ComparedChange[]>;

interface CompareDeps {
  rules: { rules: Rules; ruleSet(): RuleSet };
  large: Pick<LargeDocuments, "compare">;
}

/** Compares small documents here, and large ones on the thread, by the rules of the moment. */
export function openCompare({ rules, large }: CompareDeps): Compare {
  return async (previous, current) =>
    previous.text.length + current.text.length > 2 * LARGE_BYTES
      ? large.compare({ previous: previous.text, current: current.text, ruleSet: rules.ruleSet() })
      : compareStored(previous, current, rules.rules);
}
