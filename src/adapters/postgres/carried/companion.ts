// Ends PostgreSQL when this process is gone without having stopped it, as after a SIGKILL.
import { send } from "./remains.ts";

/** Waits for the end of its input, whose other end only this process holds: the kernel closes it when this process ends. */
const SCRIPT = 'read -r _; kill -INT "$1"';

/** Disposed of once that process has ended: its pid may belong to another process afterwards. */
export function endWithUs(pid: number): Disposable {
  try {
    const companion = Bun.spawn(["/bin/sh", "-c", SCRIPT, "sh", String(pid)], {
      cwd: "/",
      env: {},
      stdio: ["pipe", "ignore", "ignore"],
      detached: true, // a Ctrl-C in the terminal is for the gateway alone
    });
    companion.unref();
    return { [Symbol.dispose]: () => companion.exitCode === null && send(companion.pid, "SIGKILL") };
  } catch {
    // Without a shell the next start finds the server that a killed gateway left, and stops it.
    return { [Symbol.dispose]() {} };
  }
}
