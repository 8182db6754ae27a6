// Defines durable work between a request's answer and its effect. test/contract/queue.ts pins these promises.

/** The job's kind; on Redis also the name of the list that operators watch. */
export type QueueName = string;

export interface Push {
  queue: QueueName;
  /** Opaque text, given back byte for byte. Text that holds U+0000, here or in `key` and `lane`, is refused (Permanent). */
  payload: string;
  /** While a job with this key exists in this queue (dead ones included), pushing it again succeeds and adds nothing. */
  key?: string;
  /** The key stays taken this long after the push, even when its job is done sooner: for work that must happen once. */
  keyHeldMs?: number;
  /**
   * Jobs of one lane run in the order they were pushed, never two at a time, whatever their queue. One that waits for its
   * due time or its next attempt holds up those behind it; one that is settled or buried lets the next one go.
   */
  lane?: string;
  /** Not claimable before this long from now. */
  delayMs?: number;
}

export interface Job {
  id: string;
  queue: QueueName;
  payload: string;
  key: string | null;
  lane: string | null;
  /** 1 on the first claim. */
  attempt: number;
  /** Proves that this claim still holds the job; changes with every claim. */
  lease: string;
  pushedAt: Date;
}

/** Characters of a payload in a list. */
export const LISTED_CHARACTERS = 4_096;

/**
 * A job is pending (due: claimable, or next in its lane), delayed (due later), active (leased) or dead (given up, with a
 * reason). One whose lease ran out is pending.
 */
export type JobState = "pending" | "delayed" | "active" | "dead";

export interface ListedJob extends Omit<Job, "lease"> {
  /** Beginning of the payload, which may have megabytes. */
  payload: string;
  payloadBytes: number;
  state: JobState;
  dueAt: Date;
  /** Why the last attempt failed; null before any did. */
  reason: string | null;
}

export interface QueueCounts {
  pending: number;
  delayed: number;
  active: number;
  dead: number;
  /** For how long the oldest pending job has been due, in seconds; 0 when there is none. */
  oldestSeconds: number;
}

export interface ClaimLimit {
  /** At most this many jobs. */
  count: number;
  /** Stop adding jobs once their payloads exceed this many bytes; the first one always fits. */
  bytes: number;
}

export interface Settlement {
  job: Job;
  followUps: Push[];
}

/**
 * At-least-once. A push that resolved survives a kill of the gateway at any instant. A lease that runs out gives the job
 * back with attempt + 1. Every method that takes a `Job` changes nothing when its lease was lost, that is when the job was
 * claimed again, or left the queue.
 */
export interface Queue {
  /** Durable when it resolves; all or none. Order within a lane is the order of the array. */
  push(jobs: Push[]): Promise<void>;
  /** Takes due jobs, oldest first, of the named queues; at most one a lane. Empty when there is nothing due. */
  claim(queues: QueueName[], limit: ClaimLimit, leaseMs: number): Promise<Job[]>;
  /** Gives the jobs more time. Returns the ids that still hold their lease. */
  extend(jobs: Job[], leaseMs: number): Promise<string[]>;
  /** Removes each job and adds its follow-ups in one atomic step. Returns the ids that still held their lease. */
  settle(settlements: Settlement[]): Promise<string[]>;
  /** Makes the job due again after `delayMs`, with its payload untouched and attempt + 1. */
  retry(job: Job, reason: string, delayMs: number): Promise<boolean>;
  /** As `retry`, but the attempt does not count: for work whose dependency is away. Returns the ids given back. */
  release(jobs: Job[], reason: string, delayMs: number): Promise<string[]>;
  /** Gives the job up: it stays, dead, until redriven or discarded; its lane goes on. */
  bury(job: Job, reason: string): Promise<boolean>;
  /** Per queue; queues that hold nothing may be absent. */
  counts(): Promise<Record<QueueName, QueueCounts>>;
  /** Jobs that wait, pending and delayed, of all queues. A second or so behind, and cheap enough to ask at each request. */
  backlog(): Promise<number>;
  /** Jobs in push order, after the id `after`. */
  list(queue: QueueName, state: JobState, limit: number, after?: string): Promise<ListedJob[]>;
  /** Makes dead jobs pending again from attempt 1, at the end of their lanes: all of the queue or the named ones. Returns how many. */
  redrive(queue: QueueName, ids?: string[]): Promise<number>;
  /** Deletes dead jobs, all of the queue or the named ones. Returns how many. */
  discard(queue: QueueName, ids?: string[]): Promise<number>;
  /** Deletes every job of a lane that is not in flight, whatever its state. Returns how many. For erasing a system. */
  discardLane(lane: string): Promise<number>;
  /**
   * Calls `wake` soon after this process made jobs of a queue claimable. A hint: jobs that other processes push, and
   * jobs that become due by time, are only found by polling.
   */
  onPush(wake: (queue: QueueName) => void): () => void;
  close(): Promise<void>;
}
