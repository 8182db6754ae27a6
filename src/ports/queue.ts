// Durable work between a request's answer and its effect. The promises here are pinned by test/contract/queue.ts.

/** The job's kind; on Redis also the name of the list that operators watch. */
export type QueueName = string;

export interface Push {
  queue: QueueName;
  /** Opaque text, given back byte for byte. */
  payload: string;
  /** While a job with this key exists in this queue (dead ones included), pushing it again is quiet and adds nothing. */
  key?: string;
  /** Jobs of one lane run in the order they were pushed, never two at a time, whatever their queue. */
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

/** A job is pending (claimable when due), delayed (due later), active (leased) or dead (given up, with a reason). */
export type JobState = "pending" | "delayed" | "active" | "dead";

export interface ListedJob extends Omit<Job, "lease"> {
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
  /** Age in seconds of the oldest pending job; 0 when there is none. */
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
 * back with attempt + 1. Every method that takes a `Job` changes nothing when its lease was lost.
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
  /** Gives the job up: it stays, dead, until redriven or discarded; its lane goes on. */
  bury(job: Job, reason: string): Promise<boolean>;
  /** Per queue; queues that hold nothing may be absent. */
  counts(): Promise<Record<QueueName, QueueCounts>>;
  /** Jobs in push order, after the id `after`. */
  list(queue: QueueName, state: JobState, limit: number, after?: string): Promise<ListedJob[]>;
  /** Makes dead jobs pending again from attempt 1, all of the queue or the named ones. Returns how many. */
  redrive(queue: QueueName, ids?: string[]): Promise<number>;
  /** Deletes dead jobs, all of the queue or the named ones. Returns how many. */
  discard(queue: QueueName, ids?: string[]): Promise<number>;
  /** Deletes every job of a lane that is not in flight, whatever its state. Returns how many. For erasing a system. */
  discardLane(lane: string): Promise<number>;
  /** Calls `wake` soon after jobs may have become claimable. A hint: pollers must not rely on it. */
  onPush(wake: () => void): () => void;
  close(): Promise<void>;
}
