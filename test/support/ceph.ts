// Runs an S3 for tests: Ceph's radosgw with one monitor and one disk in a sparse file, on free loopback ports.
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

export interface S3Place {
  endpoint: string;
  accessKey: string;
  secretKey: string;
}

const PROGRAMS = ["radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "monmaptool"];
const START_MS = 60_000;
const PATIENT = ["--connect-timeout", "60"];
const TRIES = 3;

export const missingPrograms = () => PROGRAMS.filter((program) => !Bun.which(program));

/** Left running: whoever clears the directory ends what names it. */
export async function startS3(directory: string): Promise<S3Place> {
  for (let attempt = 1; ; attempt += 1) {
    const place = join(directory, `try-${attempt}`);
    mkdirSync(place, { recursive: true });
    try {
      return await start(place);
    } catch (error) {
      // Again if it hangs: on a machine under load, its parts can miss each other at the start.
      if (attempt === TRIES) throw error;
    }
  }
}

async function start(directory: string): Promise<S3Place> {
  const children: Bun.Subprocess[] = [];
  try {
    const [monitorPort, gatewayPort] = [await freePort(), await freePort()];
    const fsid = crypto.randomUUID();
    const conf = join(directory, "ceph.conf");
    writeFileSync(conf, configuration({ directory, fsid, monitorPort, gatewayPort }));
    for (const name of ["mon", "osd", "run"]) mkdirSync(join(directory, name));
    const run = (program: string, ...args: string[]) => once([program, "-c", conf, ...args]);
    const daemon = (program: string, ...args: string[]) =>
      children.push(
        Bun.spawn([program, "-c", conf, "-f", ...args], { stdin: "ignore", stdout: "ignore", stderr: "ignore" }),
      );

    const monmap = join(directory, "monmap");
    const address = `[v1:127.0.0.1:${monitorPort}]`;
    await once(["monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", address, monmap]);
    await run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap);
    daemon("ceph-mon", "-i", "a");
    const uuid = crypto.randomUUID();
    const osd = (await run("ceph", ...PATIENT, "osd", "create", uuid)).trim();
    await run("ceph-osd", "-i", osd, "--mkfs", "--osd-uuid", uuid);
    await run("ceph", "osd", "crush", "add", `osd.${osd}`, "1.0", "root=default", "host=localhost");
    daemon("ceph-osd", "-i", osd);
    await until("the disk is up", async () => {
      // A monitor that has only just been elected refuses now and then.
      const text = await run("ceph", ...PATIENT, "osd", "dump", "-f", "json").catch(() => '{"osds":[]}');
      const dump: { osds: { up: number }[] } = JSON.parse(text);
      return dump.osds.some((one) => one.up === 1);
    });
    // Before the gateway itself: both make the pools that they miss.
    const [accessKey, secretKey] = ["TESTACCESSKEY", "testsecretkeytestsecretkey"];
    const keys = ["--access-key", accessKey, "--secret", secretKey];
    await run("radosgw-admin", "-n", "client.rgw", "user", "create", "--uid", "t", "--display-name", "t", ...keys);
    daemon("radosgw", "-n", "client.rgw");
    const endpoint = `http://127.0.0.1:${gatewayPort}`;
    await until("radosgw answers", async () => (await fetch(endpoint).catch(() => undefined))?.ok === true);
    return { endpoint, accessKey, secretKey };
  } catch (error) {
    for (const child of children) child.kill("SIGKILL");
    throw error;
  }
}

interface Places {
  directory: string;
  fsid: string;
  monitorPort: number;
  gatewayPort: number;
}

/** Without the two of Paxos, a monitor gathers for a second what it then tells: four times the time of a start. */
const configuration = ({ directory, fsid, monitorPort, gatewayPort }: Places) => `[global]
fsid = ${fsid}
mon host = [v1:127.0.0.1:${monitorPort}]
auth cluster required = none
auth service required = none
auth client required = none
ms bind ipv6 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = ${directory}/run
admin socket = ${directory}/run/$cluster-$name.asok
pid file = ${directory}/run/$name.pid
log file = ${directory}/run/$name.log
crash dir = ${directory}/run
mon data = ${directory}/mon
osd data = ${directory}/osd
osd objectstore = bluestore
bluestore block size = 6442450944
bluestore block create = true
osd memory target = 939524096
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon osd full ratio = .99
mon data avail crit = 1
paxos propose interval = 0.02
paxos min wait = 0.01
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${gatewayPort}
rgw data = ${directory}/run
`;

async function once(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: START_MS });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + START_MS;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`waited ${START_MS} ms in vain until ${what}`);
    await Bun.sleep(100);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
