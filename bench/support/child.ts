// Starts a server of a benchmark in a process of its own, so that it costs the measured one nothing: it prints its URL, and ends when
// its stdin closes.
import { join } from "node:path";

export async function startChild(file: "echo.ts" | "sink.ts"): Promise<{ url: string } & AsyncDisposable> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, file)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const url = new TextDecoder().decode(value).trim();
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}
