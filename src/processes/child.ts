// Starts, asks and stops one process for its supervisor, and knows when it has ended.
import type { Executable } from "./executable.ts";
import { PROTOCOL } from "./messages.ts";
import type { Answers, FromProcess, ProcessSpec, Question, SteerTarget, ToProcess } from "./messages.ts";

interface SpawnOptions {
  spec: ProcessSpec;
  executable: Executable;
  env: Record<string, string | undefined>;
}

/** Says why a process could not start, in its own message. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
  constructor(
    words: string,
    /** A dependency is away: the start is retried without a limit. */
    readonly isOutage: boolean,
  ) {
    super(words);
  }
}

/** A process keeps its limit by itself. */
const KILL_AFTER_MS = 5_000;

type Extra<Of extends Question> = Of extends "steer"
  ? [{ target: SteerTarget }]
  : Of extends "drain"
    ? [{ leastMs: number; limitMs: number }]
    : [];

export class Child {
  readonly spec: ProcessSpec;
  readonly startedAtMs = Date.now();
  /** Rejects with a StartFailure. */
  readonly ready: Promise<void>;
  /** Reason of its end: a signal or an exit code. */
  readonly exited: Promise<string>;
  readonly #process: Bun.Subprocess;
  readonly #ready = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, (value: unknown) => void>();
  #asked = 0;
  #isReady = false;

  constructor({ spec, executable, env }: SpawnOptions) {
    this.spec = spec;
    this.#process = Bun.spawn([...executable.command, "process"], {
      argv0: executable.title,
      // Variables that would make the executable another program are not passed on.
      env: { ...env, BUN_BE_BUN: undefined, BUN_OPTIONS: undefined },
      stdio: ["ignore", "ignore", "inherit"],
      // A Ctrl-C in the terminal reaches the supervisor alone, which tells its processes in order.
      detached: true,
      serialization: "json",
      ipc: (message: FromProcess) => this.#hear(message),
    });
    this.exited = this.#process.exited.then(() => {
      const reason = this.#process.signalCode?.toString() ?? `exit code ${this.#process.exitCode}`;
      this.#isReady = false;
      this.#ready.reject(new StartFailure(`${spec.name} ended before it was ready: ${reason}.`, false));
      for (const answer of this.#waiting.values()) answer(undefined);
      return reason;
    });
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
  }

  get pid(): number {
    return this.#process.pid;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Undefined when it has ended, or does not answer in time. */
  async ask<Of extends Question>(
    question: Of,
    limitMs: number,
    ...[extra]: Extra<Of>
  ): Promise<Answers[Of] | undefined> {
    if (!this.isRunning) return undefined;
    const id = (this.#asked += 1);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const late = setTimeout(() => resolve(undefined), limitMs);
    this.#waiting.set(id, resolve);
    this.#say({ kind: "ask", id, question, ...extra } as ToProcess);
    const answer = await promise;
    clearTimeout(late);
    this.#waiting.delete(id);
    return answer as Answers[Of] | undefined;
  }

  /** Lets requests and jobs in flight finish; kills the process soon after the limit. True when it ended by itself. */
  async stop(limitMs: number, killAfterMs = KILL_AFTER_MS): Promise<boolean> {
    this.#say({ kind: "stop", limitMs });
    let isKilled = false;
    const impatient = setTimeout(() => {
      isKilled = true;
      this.kill();
    }, limitMs + killAfterMs);
    await this.exited;
    clearTimeout(impatient);
    return !isKilled;
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  #hear(message: FromProcess): void {
    switch (message.kind) {
      case "hello":
        if (message.protocol === PROTOCOL) return this.#say({ kind: "start", spec: this.spec });
        this.#ready.reject(
          new StartFailure(`muster ${message.version} needs its own supervisor: restart the service.`, false),
        );
        return this.#say({ kind: "stop", limitMs: 0 });
      case "ready":
        this.#isReady = true;
        return this.#ready.resolve();
      case "failed":
        this.#ready.reject(new StartFailure(message.words, message.outage));
        return this.#say({ kind: "stop", limitMs: 0 });
      case "answer":
        return this.#waiting.get(message.id)?.(message.value);
    }
  }

  /** The process may have ended by then, which `exited` reports. */
  #say(message: ToProcess): void {
    if (!this.isRunning) return;
    try {
      this.#process.send(message);
    } catch {
      // The channel closes a moment before the process is seen to have ended.
    }
  }
}
