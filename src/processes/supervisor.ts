// Keeps the processes of one installation running: starts them, starts again what dies, replaces them all, stops them.
import { Failure, reasonOf } from "../errors.ts";
import type { Check } from "../domain.ts";
import type { Readiness } from "../http/operations.ts";
import type { HandlerStats } from "../jobs/runner.ts";
import type { Log } from "../log.ts";
import type { QueueName } from "../ports/queue.ts";
import { Child, StartFailure } from "./child.ts";
import { installedExecutable } from "./executable.ts";
import type { Executable } from "./executable.ts";
import type { ProcessSpec } from "./messages.ts";
import { replaceProcesses } from "./replace.ts";
import { labelled, ownMetrics, summed } from "./report.ts";
import type { Slot } from "./report.ts";

interface ProcessSupervisorOptions {
  specs: readonly ProcessSpec[];
  executable: Executable;
  env: Record<string, string | undefined>;
  shutdownTimeoutMs: number;
  log: Log;
}

const BACKOFF_MS = [50, 250, 1_000, 2_000, 5_000, 10_000, 30_000];
/** After a process lived this long, its next start is not delayed. */
const SETTLED_MS = 10_000;
/** Failed starts in a row after which the supervisor gives up. */
const HOPELESS_STARTS = 5;
/** At the end of everything there is no time to lose. */
const LAST_KILL_AFTER_MS = 250;
const ASK_MS = 3_000;
const ADVICE = "The log says why a process ended; it is started again by itself.";

export class ProcessSupervisor {
  readonly #options: ProcessSupervisorOptions;
  readonly #slots: Slot[];
  readonly #stopping = new AbortController();
  readonly #gaveUp = Promise.withResolvers<never>();
  /** All running processes, starting and stopping ones included. */
  readonly #running = new Set<Child>();
  readonly #starting = new Set<Promise<void>>();
  #executable: Executable;
  #replacing: Promise<void> | undefined;
  #isReplacementWanted = false;

  constructor(options: ProcessSupervisorOptions) {
    this.#options = options;
    this.#executable = options.executable;
    this.#slots = options.specs.map((spec) => ({ spec, child: undefined, restarts: 0 }));
    this.#gaveUp.promise.catch(() => {});
  }

  /** Resolves when all are ready. When one cannot start, ends the others and throws its message. */
  async start(): Promise<void> {
    process.on("exit", this.#killAtExit);
    const started = this.#slots.map((slot) => {
      slot.child = this.#spawn(slot.spec, this.#executable);
      return slot.child.ready;
    });
    try {
      await Promise.race([Promise.all(started), aborted(this.#stopping.signal)]);
    } catch (error) {
      await this.stop();
      throw new Failure("processes.start", 503, `${reasonOf(error)}`, { cause: error });
    }
    for (const slot of this.#slots) this.#watch(slot);
  }

  /** Rejects when a process can never be started again and nothing else does its work. */
  get gaveUp(): Promise<never> {
    return this.#gaveUp.promise;
  }

  /** Starts new processes, then drains the old ones. A request during a restart causes one more afterwards. */
  async replace(): Promise<void> {
    if (this.#replacing) {
      this.#isReplacementWanted = true;
      this.#options.log.info("Another rolling restart follows this one.");
      return this.#replacing;
    }
    do {
      this.#isReplacementWanted = false;
      this.#replacing = this.#replaceOnce().finally(() => (this.#replacing = undefined));
      await this.#replacing;
    } while (this.#isReplacementWanted && !this.#stopping.signal.aborted);
  }

  /** Stops all processes within that time; resolves with those it had to kill. */
  async stop(limitMs = this.#options.shutdownTimeoutMs): Promise<string[]> {
    this.#stopping.abort();
    const drainMs = Math.max(0, limitMs - LAST_KILL_AFTER_MS);
    const children = [...this.#running];
    const ended = await Promise.all(children.map((child) => child.stop(drainMs, LAST_KILL_AFTER_MS)));
    process.off("exit", this.#killAtExit);
    return children.filter((_, index) => !ended[index]).map((child) => `the process ${child.spec.name}`);
  }

  /** For an exit without a stop: kills without waiting. */
  readonly #killAtExit = (): void => {
    for (const child of this.#running) child.kill();
  };

  /** For the operations listener: see app/observe/report.ts. */
  readonly report = {
    stop: (limitMs: number) => this.stop(limitMs),
    checks: [{ name: "processes", run: async () => this.#missing(), advice: ADVICE }] satisfies Check[],
    readiness: async (): Promise<Readiness[]> => {
      const answers = await Promise.all(this.#ready().map((child) => child.ask("readiness", ASK_MS)));
      return answers.filter((answer) => answer !== undefined);
    },
    metrics: async (own: string): Promise<string> => {
      const answers = this.#ready().map(
        async (child) => [child.spec.name, (await child.ask("metrics", ASK_MS)) ?? ""] as const,
      );
      const texts = new Map([["supervisor", own], ...(await Promise.all(answers))]);
      return `${ownMetrics(this.#slots)}\n${labelled(new Map([...texts].filter(([, text]) => text !== "")))}`;
    },
    workers: async (): Promise<Record<QueueName, HandlerStats>> => {
      const workers = this.#ready().filter((child) => child.spec.roles.includes("worker"));
      const answers = await Promise.all(workers.map((child) => child.ask("workers", ASK_MS)));
      return summed(answers.filter((answer) => answer !== undefined));
    },
    describe: () =>
      this.#slots.map(({ spec, child, restarts }) => ({
        name: spec.name,
        roles: spec.roles,
        pid: child?.isRunning ? child.pid : null,
        ready: child?.isReady ?? false,
        uptime_seconds: child?.isRunning ? Math.floor((Date.now() - child.startedAtMs) / 1_000) : 0,
        restarts,
      })),
  };

  #spawn(spec: ProcessSpec, executable: Executable): Child {
    const child = new Child({ spec, executable, env: this.#options.env });
    this.#running.add(child);
    void child.exited.then(() => this.#running.delete(child));
    return child;
  }

  #watch(slot: Slot): void {
    const { child } = slot;
    void child?.exited.then((reason) => {
      if (slot.child !== child || this.#stopping.signal.aborted) return;
      const { log } = this.#options;
      log.warn("A process died and is started again.", { name: slot.spec.name, pid: child.pid, reason });
      void this.#restart(slot, Date.now() - child.startedAtMs < SETTLED_MS ? 1 : 0);
    });
  }

  async #restart(slot: Slot, earlierFailures: number): Promise<void> {
    const { log } = this.#options;
    const dead = slot.child;
    for (let failures = earlierFailures; ; failures += 1) {
      await pause(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? 0, this.#stopping.signal);
      // A rolling restart fills every slot; its order of listeners must not be disturbed.
      await this.#replacing?.catch(() => {});
      if (this.#stopping.signal.aborted || slot.child !== dead) return;
      const child = this.#spawn(slot.spec, this.#executable);
      try {
        this.#starting.add(child.ready);
        await child.ready.finally(() => this.#starting.delete(child.ready));
        slot.child = child;
        slot.restarts += 1;
        log.info("A process is back.", { name: slot.spec.name, pid: child.pid, restarts: slot.restarts });
        return this.#watch(slot);
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        log.error("A process cannot be started again yet.", { name: slot.spec.name, reason: reasonOf(error) });
        const isOutage = error instanceof StartFailure && error.isOutage;
        if (!isOutage && failures + 1 >= HOPELESS_STARTS && !this.#isDoneByOthers(slot))
          return this.#gaveUp.reject(new Failure("processes.start", 503, reasonOf(error), { cause: error }));
      }
    }
  }

  #isDoneByOthers({ spec }: Slot): boolean {
    return spec.roles.every((role) => this.#ready().some((child) => child.spec.roles.includes(role)));
  }

  async #replaceOnce(): Promise<void> {
    const { log, shutdownTimeoutMs } = this.#options;
    const executable = await this.#newestExecutable();
    // A process that starts to listen now would come between the old listeners and the new ones.
    await Promise.allSettled(this.#starting);
    try {
      await replaceProcesses({
        slots: this.#slots,
        spawn: (spec) => this.#spawn(spec, executable),
        adopt: (slot, child) => {
          slot.child = child;
          this.#watch(slot);
        },
        stopMs: shutdownTimeoutMs,
        signal: this.#stopping.signal,
        log,
      });
      if (executable !== this.#executable) this.#executable.close();
      this.#executable = executable;
      log.info("The rolling restart is done.", { version: executable.version });
    } catch (error) {
      if (executable !== this.#executable) executable.close();
      if (this.#stopping.signal.aborted) return;
      log.error("The rolling restart was given up; the old processes keep running.", { reason: reasonOf(error) });
    }
  }

  /** The file where the program was started from, if it is one that works; otherwise the program as it runs. */
  async #newestExecutable(): Promise<Executable> {
    const { env, log } = this.#options;
    try {
      const { path, version } = this.#executable;
      const installed = await installedExecutable(path, { version, env });
      log.info("Rolling restart.", { from: installed.path, version: installed.version });
      return installed;
    } catch (error) {
      log.warn("Rolling restart with the version that runs.", { reason: reasonOf(error) });
      return this.#executable;
    }
  }

  #ready(): Child[] {
    return this.#slots.flatMap(({ child }) => (child?.isReady ? [child] : []));
  }

  async #missing(): Promise<string | undefined> {
    const missing = this.#slots.filter(({ child }) => !child?.isReady).map(({ spec }) => spec.name);
    if (missing.length === 0) return undefined;
    const sentence = `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} being started again.`;
    const hasHttp = this.#ready().some((child) => child.spec.roles.includes("http"));
    if (!hasHttp) throw new Error(sentence);
    return sentence;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const timer = Promise.withResolvers<void>();
  const handle = setTimeout(timer.resolve, ms);
  await Promise.race([timer.promise, aborted(signal).catch(() => {})]);
  clearTimeout(handle);
}

/** Rejects when it is aborted, and never resolves. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(new Error("Muster is stopping."));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}
