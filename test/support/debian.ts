// A bare Debian 12 in a directory, from the mirror that this machine's apt is told to use.

/** Needs root and debootstrap; takes about a minute. What debootstrap mounts is unmounted with it, however it ends. */
export function makeDebian(target: string, packages: string[] = []): void {
  const targets = run(["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)"]).split("\n");
  const mirror = targets.find((line) => line.startsWith("bookworm main "))?.split(" ")[2];
  const more = packages.length > 0 ? [`--include=${packages.join(",")}`] : [];
  const options = ["--variant=minbase", ...more, "bookworm", target, ...(mirror ? [mirror] : [])];
  run(["unshare", "--mount", "debootstrap", ...options]);
}

function run(command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command[0]} ended with ${exitCode}: ${stdout.toString()}${stderr.toString()}`);
  return stdout.toString();
}
