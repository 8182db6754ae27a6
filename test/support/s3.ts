// An S3 of our own for tests: Ceph's radosgw with one monitor and one disk in a sparse file, on free loopback ports.
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { diskDirectory } from "./run.ts";

export interface TestS3 extends AsyncDisposable {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  /** A new one each time, with object lock if asked for. */
  createBucket(options?: { lock?: boolean }): Promise<string>;
}

const PROGRAMS = ["radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-mgr", "ceph-osd", "monmaptool"];
const START_MS = 60_000;
const PATIENT = ["--connect-timeout", "60"];

/** Says plainly why tests on S3 are skipped; where services are required, that is a failure. */
export function s3IsMissing(): boolean {
  const missing = PROGRAMS.filter((program) => !Bun.which(program));
  if (missing.length === 0) return false;
  const words = `S3 is not tested: ${missing.join(", ")} not found (Debian: radosgw ceph-mon ceph-mgr ceph-osd)`;
  if (process.env["REQUIRE_SERVICES"] === "1") throw new Error(words);
  console.warn(words);
  return true;
}

let running: Promise<TestS3> | undefined;
let users = 0;

/** Shared by the test files of a run; the last one to dispose of it stops it. */
export async function openTestS3(): Promise<TestS3> {
  users += 1;
  // Again if it hangs: on a machine under load, its parts can miss each other at the start.
  const shared = await (running ??= start().catch(start).catch(start));
  let disposed = false;
  return {
    ...shared,
    async [Symbol.asyncDispose]() {
      if (disposed) return;
      disposed = true;
      users -= 1;
      if (users > 0) return;
      running = undefined;
      await shared[Symbol.asyncDispose]();
    },
  };
}

async function start(): Promise<TestS3> {
  const directory = diskDirectory("s3");
  const children: Bun.Subprocess[] = [];
  const stop = async () => {
    for (const child of children.toReversed()) {
      child.kill("SIGKILL");
      await child.exited;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  const killed = () => children.forEach((child) => child.kill("SIGKILL"));
  process.on("exit", killed);
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
    daemon("ceph-mgr", "-i", "x");
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
    const s3 = { endpoint, accessKey, secretKey };
    return {
      ...s3,
      createBucket: (options) => createBucket(s3, options),
      async [Symbol.asyncDispose]() {
        process.off("exit", killed);
        await stop();
      },
    };
  } catch (error) {
    process.off("exit", killed);
    await stop();
    throw error;
  }
}

interface Places {
  directory: string;
  fsid: string;
  monitorPort: number;
  gatewayPort: number;
}

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
mgr data = ${directory}/mgr
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

async function createBucket(
  { endpoint, accessKey, secretKey }: Pick<TestS3, "endpoint" | "accessKey" | "secretKey">,
  { lock = false } = {},
): Promise<string> {
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  const Bucket = `test-${crypto.randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: lock }));
  client.destroy();
  return Bucket;
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
