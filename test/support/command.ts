// Runs a command line in this process and returns what it answered.
import { run } from "../../src/cli/run.ts";
import type { Terminal } from "../../src/cli/terminal/terminal.ts";
import type { Installation } from "../../src/config/file.ts";
import type { Environment } from "../../src/config/environment.ts";

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

export async function runCommand(
  args: string[],
  env: Environment = {},
  installation?: Installation,
  columns?: number,
): Promise<Finished> {
  let [stdout, stderr] = ["", ""];
  const decoder = new TextDecoder();
  const terminal: Terminal = {
    answer: async (text) => void (stdout += text),
    async pour(bytes) {
      let size = 0;
      for await (const chunk of bytes) {
        stdout += decoder.decode(chunk, { stream: true });
        size += chunk.byteLength;
      }
      return size;
    },
    tell: (text) => void (stderr += text),
    columns,
  };
  const code = await run(args, env, terminal, installation);
  return { code, stdout, stderr };
}

/** With --json, the one value on stdout; anything else there fails to parse. */
export async function commandJson<Value = Record<string, unknown>>(args: string[], env: Environment = {}) {
  const { code, stdout, stderr } = await runCommand([...args, "--json"], env);
  if (code !== 0) throw new Error(`muster ${args.join(" ")} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as Value;
}
