// Logs one line an event on stderr: time, level, sentence, then key=value facts. Never a secret, never a payload.
import { hideUserinfos } from "./values/net/userinfo.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFacts = Record<string, string | number | boolean | null | undefined>;

export interface Log {
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  error(message: string, facts?: LogFacts): void;
}

interface LogOptions {
  level: LogLevel;
  format: "text" | "json";
  /** The name of this process, on each line, where there are several. */
  process?: string | undefined;
  write?: (line: string) => void;
}

export function openLog({
  level,
  format,
  process: name,
  write = (line) => process.stderr.write(line),
}: LogOptions): Log {
  const threshold = LOG_LEVELS.indexOf(level);
  const emit = (at: LogLevel, message: string, facts: LogFacts = {}) => {
    if (LOG_LEVELS.indexOf(at) < threshold) return;
    if (name !== undefined) facts = { process: name, ...facts };
    const time = new Date().toISOString();
    const line =
      format === "json" ? JSON.stringify({ time, level: at, message, ...facts }) : textLine(time, at, message, facts);
    // Libraries quote the URLs they were given.
    write(`${hideUserinfos(line)}\n`);
  };
  return {
    debug: (message, facts) => emit("debug", message, facts),
    info: (message, facts) => emit("info", message, facts),
    warn: (message, facts) => emit("warn", message, facts),
    error: (message, facts) => emit("error", message, facts),
  };
}

function textLine(time: string, level: LogLevel, message: string, facts: LogFacts): string {
  const tail = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${quoted(String(value))}`)
    .join("");
  return `${time} ${level.padEnd(5)} ${oneLine(message)}${tail}`;
}

const quoted = (value: string) => (/^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value));

/** A message may quote outside text; a line break in it must not forge a second log line. */
const oneLine = (message: string) => message.replace(/[\r\n]+\s*/g, " ");
