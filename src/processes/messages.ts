// Defines what a supervisor and its processes tell each other, as JSON: the two may be of different versions for a while.
import type { Readiness } from "../http/operations.ts";
import type { HandlerStats } from "../jobs/runner.ts";
import type { QueueName } from "../ports/queue.ts";
import type { Role } from "../config/gateway.ts";

/** Raised when a change makes older supervisors unable to talk to newer processes. */
export const PROTOCOL = 1;

export interface ProcessSpec {
  /** "http-1", "worker": in logs and metrics. */
  name: string;
  roles: readonly Role[];
  listen: { hostname: string; port: number };
}

export type SteerTarget = { first: number; count: number } | "any";

export interface Answers {
  readiness: Readiness;
  metrics: string;
  workers: Record<QueueName, HandlerStats>;
  steer: boolean;
  drain: null;
}
export type Question = keyof Answers;

export type ToProcess =
  | { kind: "start"; spec: ProcessSpec }
  | { kind: "ask"; id: number; question: "readiness" | "metrics" | "workers" }
  | { kind: "ask"; id: number; question: "steer"; target: SteerTarget }
  | { kind: "ask"; id: number; question: "drain"; leastMs: number; limitMs: number }
  /** Processes of older versions ignore `limitMs` and use SHUTDOWN_TIMEOUT. */
  | { kind: "stop"; limitMs: number };

export type FromProcess =
  | { kind: "hello"; protocol: number; version: string }
  | { kind: "ready" }
  /** The process ends. `outage`: a dependency is away, so that a later start may succeed. */
  | { kind: "failed"; words: string; outage: boolean }
  | { kind: "answer"; id: number; value: unknown };
