// Replaces processes one after the other: new ones beside the old, new connections to the new, and the old go when they are idle.
//
// Closing a listener resets the connections that wait in its queue or are half open. So the kernel is told first to give new
// connections to the new listeners only, and the old ones go on listening until what came before is answered.
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Child } from "./child.ts";
import type { ProcessSpec, SteerTarget } from "./messages.ts";
import type { Slot } from "./report.ts";

interface ReplaceOptions {
  slots: readonly Slot[];
  spawn(spec: ProcessSpec): Child;
  /** Called when the new process takes over the slot. */
  adopt(slot: Slot, child: Child): void;
  stopMs: number;
  /** Aborted when the supervisor stops. */
  signal: AbortSignal;
  log: Log;
}

/** Handshakes that began before the steering are complete after this. */
const SETTLE_MS = 3_000;
/** A request may take as long as a large backup over a slow line. */
const DRAIN_MS = 3_600_000;
const STEER_MS = 3_000;

/** Throws when a new process does not start; then the old ones run on unchanged. */
export async function replaceProcesses(options: ReplaceOptions): Promise<void> {
  const { slots, adopt, stopMs, signal, log } = options;
  const old = slots.flatMap(({ child }) => (child?.isReady ? [child] : []));
  const oldHttp = old.filter(listens);
  const fresh = await startAll(options);
  const freshHttp = [...fresh.values()].filter(listens);
  const isUndisturbed = () => oldHttp.every((child) => child.isRunning);

  // Listeners stand in the order in which they began: the old ones, then the new ones.
  const [steerer] = freshHttp;
  const steer = async (target: SteerTarget) => (await steerer?.ask("steer", STEER_MS, { target })) ?? false;
  const isSteered = isUndisturbed() && (await steer({ first: oldHttp.length, count: freshHttp.length }));
  if (steerer && !isSteered) log.warn("New connections could not be steered; a few may be reset during this restart.");

  for (const [slot, child] of fresh) adopt(slot, child);
  const others = old.filter((child) => !listens(child)).map((child) => child.stop(stopMs));
  await Promise.all(
    oldHttp.map((child) => child.ask("drain", DRAIN_MS + stopMs, { leastMs: SETTLE_MS, limitMs: DRAIN_MS })),
  );
  if (signal.aborted) return;

  // While old ones close, the last new listener takes the place of each; the first one's stays as it is until the end.
  if (isSteered) await steer({ first: oldHttp.length, count: 1 });
  await Promise.all(oldHttp.map((child) => child.stop(stopMs)));
  if (isSteered) await steer("any");
  await Promise.all(others);
}

const listens = (child: Child) => child.spec.roles.includes("http");

async function startAll({ slots, spawn, stopMs }: ReplaceOptions): Promise<Map<Slot, Child>> {
  const fresh = new Map(slots.map((slot) => [slot, spawn(slot.spec)]));
  try {
    await Promise.all([...fresh.values()].map((child) => child.ready));
    return fresh;
  } catch (error) {
    await Promise.all([...fresh.values()].map((child) => child.stop(stopMs)));
    throw new Error(reasonOf(error), { cause: error });
  }
}
