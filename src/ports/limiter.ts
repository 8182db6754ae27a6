// Defines how often something may happen. Used for registrations, failed logins and ingest of each system.

export interface Budget {
  /** How many takes fit in one window. */
  limit: number;
  windowMs: number;
}

/**
 * A key is a kind, a colon, and who is counted: `auth:192.0.2.1`. Kinds are fixed in the code, never chosen by clients. A used-up
 * budget stays used up until its window is over, whatever other keys take; memory is bounded, however many keys there are.
 */
export interface Limiter {
  /** Takes one from the key's sliding window. 0 = allowed; otherwise whole seconds (>= 1) until one is free again, and nothing was taken. */
  take(key: string, budget: Budget): Promise<number>;
  /** As `take`, but only looks. */
  peek(key: string, budget: Budget): Promise<number>;
  close(): Promise<void>;
}
