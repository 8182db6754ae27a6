// Runs the program as its users meet it: commands in this process, gateways and the executable that was built as processes.
import { join } from "node:path";
import type { Environment } from "../../src/config/environment.ts";
import { runCommand } from "./command.ts";
import type { Finished } from "./command.ts";

export const ROOT = join(import.meta.dir, "../..");
export const SOURCES = [process.execPath, join(ROOT, "src/main.ts")];

export interface ProgramOptions {
  env?: Environment;
  cwd?: string;
  /** Other than the sources; also where a wrapper such as setpriv goes. */
  command?: string[];
}

/** A command that hangs is ended, and fails its test by its exit code. */
const RUN_MS = 100_000;

/** In this process, unless a directory or a program to run it in is given. */
export async function runMuster(args: string[], options: ProgramOptions = {}): Promise<Finished> {
  return options.command || options.cwd ? spawnMuster(args, options) : runCommand(args, baseOf(options));
}

/** In a process of its own, where that is what the test is about. */
export async function spawnMuster(args: string[], options: ProgramOptions = {}): Promise<Finished> {
  const child = start(args, options);
  const late = setTimeout(() => child.kill("SIGTERM"), RUN_MS);
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  clearTimeout(late);
  return { code, stdout, stderr };
}

/** Runs a verb with --json and returns the one value on its stdout; anything else there fails to parse. */
export async function runJson<Value = Record<string, unknown>>(args: string[], options?: ProgramOptions) {
  const { code, stdout, stderr } = await runMuster([...args, "--json"], options);
  if (code !== 0) throw new Error(`muster ${args.join(" ")} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as Value;
}

export interface Gateway extends AsyncDisposable {
  pid: number;
  url: string;
  operationsUrl: string;
  /** What it logged so far. */
  log(): string;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number>;
  exited: Promise<number>;
}

const START_MS = 100_000;

/** `muster serve` on ports of its own, once it is ready. */
export async function startGateway(options: ProgramOptions & { args?: string[] } = {}): Promise<Gateway> {
  const env = { LISTEN_ADDRESS: "127.0.0.1:0", HEALTH_LISTEN_ADDRESS: "127.0.0.1:0", ...options.env };
  const child = start(options.args ?? ["serve"], { ...options, env });
  const ready = Promise.withResolvers<[string, string]>();
  let log = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) {
      log += decoder.decode(chunk, { stream: true });
      const urls = /operators: (\S+)\. Health[^:]*: (\S+)\.\n[^]* Ready\. /.exec(log);
      if (urls?.[1] && urls[2]) ready.resolve([urls[1], urls[2]]);
    }
    ready.reject(new Error(`serve ended before it was ready:\n${log}`));
  })();
  const late = setTimeout(() => ready.reject(new Error(`serve was not ready in time:\n${log}`)), START_MS);
  const stop = async () => {
    child.kill("SIGTERM");
    const code = await child.exited;
    await reading;
    return code;
  };
  try {
    const [url, operationsUrl] = await ready.promise;
    const dispose = async () => void (await stop());
    const { pid, exited } = child;
    return { pid, url, operationsUrl, log: () => log, stop, exited, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(late);
  }
}

/** Only what a login shell would give, so that settings of whoever runs the tests change nothing. */
const baseOf = ({ env }: ProgramOptions): Environment => ({
  PATH: process.env["PATH"],
  HOME: process.env["HOME"],
  ...env,
});

function start(args: string[], options: ProgramOptions) {
  const { cwd = ROOT, command = SOURCES } = options;
  return Bun.spawn([...command, ...args], {
    cwd,
    env: baseOf(options),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}
