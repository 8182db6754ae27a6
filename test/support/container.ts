// A container as engines make it, from namespaces alone: read-only root, no privileges, a network of its own, Muster as process 1.
import { readFileSync } from "node:fs";
import type { Image } from "./image.ts";

export interface Container {
  /** Process 1, as the outside sees it. */
  pid: number;
  /** A command beside it, as `docker exec` runs one. */
  exec(command: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  /** curl, in its network. */
  curl(args: string[]): Promise<string>;
  log(): string;
  /** The image's stop signal to process 1, and its exit code. */
  stop(): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Everything is the new mount namespace's own, and gone with its last process. */
const SETUP = `set -eu
root=$1 volume=$2 at=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$root/dev/shm"
mount --bind "$volume" "$root$at"
ip link set lo up
exec "$@"`;

export async function startContainer({ root, config, volume }: Image, env: string[] = []): Promise<Container> {
  const [uid = "", gid = uid] = config.User.split(":");
  const drop = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--no-new-privs"];
  const without = ["--bounding-set=-all", "--inh-caps=-all"];
  const variables = ["env", "-i", ...config.Env, ...env];
  const enter = ["chroot", root, ...variables, "setpriv", ...drop, ...without];
  const [at = ""] = Object.keys(config.Volumes);
  const unshare = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child=SIGKILL"];
  const child = Bun.spawn(
    [...unshare, "sh", "-c", SETUP, "sh", root, volume, at, ...enter, ...config.Entrypoint, ...config.Cmd],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  let log = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) log += decoder.decode(chunk, { stream: true });
  })();
  const pid = await firstChild(child.pid);
  const inside = ["nsenter", `--target=${pid}`, "--mount", "--pid", "--net", "--ipc"];
  const stop = async () => {
    if (child.exitCode === null) process.kill(pid, config.StopSignal as NodeJS.Signals);
    const code = await child.exited;
    await reading;
    return code;
  };
  return {
    pid,
    exec: (command) => finish([...inside, ...enter, ...command]),
    curl: async (args) => (await finish(["nsenter", `--target=${pid}`, "--net", "curl", "-sS", ...args])).stdout,
    log: () => log,
    stop,
    [Symbol.asyncDispose]: async () => {
      const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
      await stop();
      clearTimeout(late);
    },
  };
}

async function firstChild(parent: number): Promise<number> {
  for (let round = 0; round < 100; round += 1) {
    const [child] = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").split(" ");
    if (child) return Number(child);
    await Bun.sleep(20);
  }
  throw new Error("unshare started nothing");
}

async function finish(command: string[]) {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}
