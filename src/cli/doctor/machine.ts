// Examines the machine below Muster: free space, permissions, how long a durable write takes, whether its clock is synchronized.
import { closeSync, existsSync, fsyncSync, openSync, statSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../app/settings.ts";
import { examine } from "./finding.ts";
import type { Finding } from "./finding.ts";

const AS_ITS_USER = "Run muster doctor as the user that runs muster serve.";

export async function examineMachine(config: Config): Promise<Finding[]> {
  return [...(await examineDataDir(config)), await examineTimeSync()];
}

async function examineDataDir(config: Config): Promise<Finding[]> {
  const { directory } = config.data;
  if (config.database.url && !existsSync(directory)) {
    return [{ check: "disk", status: "ok", finding: `${directory} is not needed: the database is your own.` }];
  }
  return Promise.all([examineSpace(config), examinePermissions(config), examineSync(config)]);
}

const GIB = 1024 ** 3;
const LOW_BYTES = 5 * GIB;
const EMPTY_BYTES = GIB / 2;

function examineSpace({ data: { directory: dataDir } }: Config): Promise<Finding> {
  return examine("disk", AS_ITS_USER, () => {
    const { bavail, bsize, ffree, files } = statfsSync(dataDir);
    const free = bavail * bsize;
    const finding = `${(free / GIB).toFixed(1)} GiB free below ${dataDir}.`;
    if (files > 0 && ffree < 1_000)
      return {
        status: "failed",
        finding: `Only ${ffree} inodes left below ${dataDir}.`,
        advice: "Delete small files, or move DATA_DIR.",
      };
    if (free < EMPTY_BYTES) return { status: "failed", finding, advice: "Free space now: soon nothing can be stored." };
    if (free < LOW_BYTES)
      return { status: "warning", finding, advice: "Free space, or move DATA_DIR to a larger disk." };
    return { status: "ok", finding };
  });
}

function examinePermissions({ data: { directory: dataDir } }: Config): Promise<Finding> {
  return examine("permissions", AS_ITS_USER, () => {
    const { mode, uid } = statSync(dataDir);
    const octal = (mode & 0o777).toString(8);
    if (mode & 0o022)
      return {
        status: "failed",
        finding: `${dataDir} (mode ${octal}) can be written by others.`,
        advice: `chmod go-w ${dataDir}`,
      };
    const own = process.getuid?.() ?? uid;
    if (own !== 0 && own !== uid)
      return {
        status: "failed",
        finding: `${dataDir} belongs to uid ${uid}, this is uid ${own}.`,
        advice: `Run muster as its owner, or chown -R ${own} ${dataDir}.`,
      };
    return { status: "ok", finding: `${dataDir} (mode ${octal}) can only be written by its owner.` };
  });
}

/** Magic numbers of file systems that live in memory. */
const MEMORY_FILE_SYSTEMS = new Set([0x01021994, 0x858458f6]);
const SYNC_ROUNDS = 20;

/** What an acknowledgement waits for: a small write made durable. */
function examineSync({ data: { directory: dataDir } }: Config): Promise<Finding> {
  return examine("fsync", AS_ITS_USER, () => {
    if (MEMORY_FILE_SYSTEMS.has(statfsSync(dataDir).type)) {
      return {
        status: "failed",
        finding: `${dataDir} is a file system in memory.`,
        advice: "Everything is gone at the next boot: set DATA_DIR to a real disk.",
      };
    }
    const path = join(dataDir, `.fsync-${process.pid}`);
    const file = openSync(path, "wx", 0o600);
    const tookMs: number[] = [];
    try {
      for (let round = 0; round < SYNC_ROUNDS; round += 1) {
        writeSync(file, Buffer.alloc(4096, round));
        const startMs = performance.now();
        fsyncSync(file);
        tookMs.push(performance.now() - startMs);
      }
    } finally {
      closeSync(file);
      unlinkSync(path);
    }
    const medianMs = tookMs.sort((a, b) => a - b)[SYNC_ROUNDS / 2] ?? 0;
    const finding = `A durable 4 KiB write takes ${medianMs.toFixed(2)} ms here.`;
    if (medianMs > 50)
      return { status: "warning", finding, advice: "Slow: each acknowledgement waits for one. An SSD is far faster." };
    return { status: "ok", finding };
  });
}

/** Clocks that differ more than this stamp events visibly wrong. */
const MAX_SKEW_MS = 2_000;

export function examineClock(databaseTime: Date): Omit<Finding, "check"> {
  const skewMs = Date.now() - databaseTime.getTime();
  if (Math.abs(skewMs) <= MAX_SKEW_MS)
    return {
      status: "ok",
      finding: `This machine and the database agree on the time to ${Math.abs(skewMs)} ms.`,
    };
  return {
    status: "warning",
    finding: `This machine's clock is ${skewMs} ms ahead of the database's.`,
    advice: "Run an NTP client on both.",
  };
}

function examineTimeSync(): Promise<Finding> {
  return examine("time sync", AS_ITS_USER, () => {
    const timedatectl = Bun.which("timedatectl");
    const answer = timedatectl
      ? Bun.spawnSync([timedatectl, "show", "--property=NTPSynchronized", "--value"]).stdout.toString().trim()
      : "";
    if (answer === "no")
      return {
        status: "warning",
        finding: "The system clock is not synchronized.",
        advice: "timedatectl set-ntp true",
      };
    return {
      status: "ok",
      finding:
        answer === "yes"
          ? "The system clock is synchronized."
          : "This machine does not say whether its clock is synchronized.",
    };
  });
}
