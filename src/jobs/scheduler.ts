// Pushes a job at each tick of a schedule: one job a tick, however many processes tick.
import { Cron } from "croner";
import type { Schedule } from "../domain.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import type { Queue } from "../ports/queue.ts";
import { queueOutageDelayMs } from "./backoff.ts";
import { watchOutage } from "./outage.ts";

interface SchedulerDeps {
  queue: Queue;
  schedules: readonly Schedule[];
  clock: Clock;
  log: Log;
}

export interface Scheduler {
  start(): void;
  /** Pushes the job of one tick: its payload is the tick's time in ISO 8601, UTC. Repeating it adds nothing. */
  tick(name: string, at: Date): Promise<void>;
  stop(): void;
}

/** How far the clocks and timers of two processes may differ without a tick running twice. */
const KEY_HELD_MS = 3_600_000;

/** A schedule that fails at each tick leaves only this many dead jobs. */
const DEAD_KEPT = 10;
const DEAD_LOOKED_AT = 1_000;

export function openScheduler({ queue, schedules, clock, log }: SchedulerDeps): Scheduler {
  const outage = watchOutage("The queue, for schedules,", clock, log);
  // Without croner's `name`, which would register each one globally and refuse a second scheduler in the process.
  const timetables = new Map(
    schedules.map((schedule) => [
      schedule.name,
      { schedule, cron: new Cron(schedule.cron, { timezone: "UTC", paused: true }) },
    ]),
  );
  const cancels = new Map<string, () => void>();
  let stopping = new AbortController();

  return {
    start() {
      stopping = new AbortController();
      for (const name of timetables.keys()) waitForTick(name, clock.now());
    },
    tick,
    stop() {
      stopping.abort();
      for (const cancel of cancels.values()) cancel();
      cancels.clear();
    },
  };

  /** The next tick after `after`. Of the ticks missed while the machine slept, only the awaited one runs. */
  function waitForTick(name: string, after: Date): void {
    const at = timetables.get(name)?.cron.nextRun(after);
    if (!at) return;
    const cancel = clock.after(Math.max(0, at.getTime() - clock.now().getTime()), () => {
      waitForTick(name, new Date(Math.max(at.getTime(), clock.now().getTime())));
      if (clock.now().getTime() - at.getTime() < KEY_HELD_MS) void tickWhenReachable(name, at);
    });
    cancels.set(name, cancel);
  }

  /** An outage delays a tick; it does not drop it. */
  async function tickWhenReachable(name: string, at: Date): Promise<void> {
    const { signal } = stopping;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await tick(name, at);
        outage.over();
        return;
      } catch (error) {
        if (clock.now().getTime() - at.getTime() >= KEY_HELD_MS) return;
        outage.failed(error);
        await clock.sleep(queueOutageDelayMs(failures), signal);
      }
    }
  }

  async function tick(name: string, at: Date): Promise<void> {
    const schedule = timetables.get(name)?.schedule;
    if (!schedule) throw new Error(`No schedule is named ${JSON.stringify(name)}.`);
    const time = at.toISOString();
    await queue.push([{ queue: schedule.queue, key: `${name}@${time}`, keyHeldMs: KEY_HELD_MS, payload: time }]);
    await discardOldDead(schedule);
  }

  async function discardOldDead({ name, queue: queueName }: Schedule): Promise<void> {
    const dead = await queue.list(queueName, "dead", DEAD_LOOKED_AT);
    const own = dead.filter((job) => job.key?.startsWith(`${name}@`)).map((job) => job.id);
    if (own.length > DEAD_KEPT) await queue.discard(queueName, own.slice(0, -DEAD_KEPT));
  }
}
