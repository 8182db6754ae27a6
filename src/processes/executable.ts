// Finds the program from which a supervisor starts processes: its own, until a rolling restart finds a newer one there.
import { closeSync, openSync, readlinkSync } from "node:fs";
import { reasonOf } from "../errors.ts";

export interface Executable {
  command: string[];
  /** As `ps` shows it. */
  title: string;
  /** For logs. */
  path: string;
  version: string;
  close(): void;
}

interface ExecutableOptions {
  version: string;
  env: Record<string, string | undefined>;
}

const VERSION_MS = 20_000;

/** The running program, even when its file was replaced meanwhile. */
export function runningExecutable({ version }: { version: string }): Executable {
  if (!Bun.isStandaloneExecutable)
    return { command: [process.execPath, Bun.main], title: "bun", path: Bun.main, version, close: () => {} };
  const path = installedPath();
  return { command: ["/proc/self/exe"], title: path, path, version, close: () => {} };
}

/** Path that the program was started from, even when another file is there now. */
const installedPath = () => readlinkSync("/proc/self/exe").replace(/ \(deleted\)$/, "");

/**
 * The installed program: the file at the path that the running one was started from, held open so that all processes run the same
 * version whatever happens to the file. Throws when there is no such file, or it cannot even say its version.
 */
export async function installedExecutable(path: string, { version, env }: ExecutableOptions): Promise<Executable> {
  if (!Bun.isStandaloneExecutable) return runningExecutable({ version });
  const descriptor = openSync(path, "r");
  const held = `/proc/${process.pid}/fd/${descriptor}`;
  try {
    const installed = await askVersion(held, env);
    return { command: [held], title: path, path, version: installed, close: () => closeSync(descriptor) };
  } catch (error) {
    closeSync(descriptor);
    throw new Error(`${path} does not say its version: ${reasonOf(error)}`);
  }
}

async function askVersion(path: string, env: ExecutableOptions["env"]): Promise<string> {
  const child = Bun.spawn([path, "version", "--json"], {
    env,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: VERSION_MS,
  });
  const [answer, code] = await Promise.all([child.stdout.text(), child.exited]);
  const said: unknown = code === 0 ? JSON.parse(answer) : undefined;
  if (typeof said === "object" && said !== null && "version" in said && typeof said.version === "string")
    return said.version;
  throw new Error(`it ended with ${code}`);
}
