// Defines time as a dependency. Everything that waits or stamps asks this port, so tests move time by hand.

export interface Clock {
  now(): Date;
  /** Runs `task` once after `ms`; the returned function cancels it. A pending timer never keeps the process alive. */
  after(ms: number, task: () => void): () => void;
  /** Resolves after `ms`, or as soon as `signal` aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
