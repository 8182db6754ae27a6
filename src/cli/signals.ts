// Hears the signals that ask this process to end, or to read its files again.
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { isatty } from "node:tty";

export interface ProcessSignals {
  /** Resolves at the first signal that asks for an end. Whoever waits here finishes what is under way; a third one ends it. */
  untilStopped(): Promise<NodeJS.Signals>;
  /** Calls the listener at each SIGHUP, which otherwise asks for an end; so it does when the terminal is gone. */
  onHangUp(listener: () => void): void;
  /** Resolves with the exit code when nothing is to be waited for any more. */
  killed: Promise<number>;
  close(): void;
}

/** One Ctrl-C is two signals within 10 ms under npm: the terminal's, and npm's own. */
const KILLS = 3;
const STDERR = 2;

/** A signal that no command waits for ends the process too, but by its exit: what it started is stopped then. */
export function listenToSignals(): ProcessSignals {
  const stopped = Promise.withResolvers<NodeJS.Signals>();
  const killed = Promise.withResolvers<number>();
  const hadTerminal = isatty(STDERR);
  let isAwaited = false;
  let asked = 0;
  let hungUp: (() => void) | undefined;

  const ask = (signal: NodeJS.Signals) => {
    asked += 1;
    if (!isAwaited || asked >= KILLS) killed.resolve(128 + constants.signals[signal]);
    else stopped.resolve(signal);
  };
  const hangUp = () => {
    const isTerminalGone = hadTerminal && !isatty(STDERR);
    if (hungUp && !isTerminalGone) hungUp();
    else if (!ignoresHangUps) ask("SIGHUP");
  };
  // As nohup starts it.
  const ignoresHangUps = isIgnored("SIGHUP");
  process.on("SIGINT", ask);
  process.on("SIGTERM", ask);
  if (!ignoresHangUps) process.on("SIGHUP", hangUp);

  return {
    untilStopped() {
      isAwaited = true;
      return stopped.promise;
    },
    onHangUp(listener) {
      hungUp = listener;
      if (ignoresHangUps) process.on("SIGHUP", hangUp);
    },
    killed: killed.promise,
    close() {
      process.off("SIGINT", ask);
      process.off("SIGTERM", ask);
      process.off("SIGHUP", hangUp);
    },
  };
}

function isIgnored(signal: NodeJS.Signals): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}
