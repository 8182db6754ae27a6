// muster doctor: looks at everything Muster stands on and says what to do about what it finds.
import { closeSync, existsSync, fsyncSync, openSync, statSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { App } from "../app.ts";
import type { Config } from "../config.ts";
import { reasonOf } from "../errors.ts";
import { certificateFiles, examineFiles } from "../http/certificate.ts";
import { action, withApp } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";

interface Finding {
  check: string;
  status: "ok" | "warning" | "failed";
  /** What is, in one sentence. */
  finding: string;
  /** What to do; absent when all is well. */
  advice?: string;
}

export const doctor: Verb = {
  name: "doctor",
  summary: "Check database, disk, clock, permissions and fsync; say what to do.",
  actions: { "": action({ run: examineAll }) },
  notes: "Exit code 0 when nothing failed, 1 otherwise. Works beside a running gateway and without one.",
};

async function examineAll({ json }: { json: boolean }, cli: Cli): Promise<number> {
  const config = cli.config();
  const findings = [
    ...(await examineApp(cli)),
    ...examineCertificate(config),
    ...examineDataDir(config),
    examineTimeSync(),
  ];
  if (json) cli.print(JSON.stringify({ findings }));
  else
    for (const { check, status, finding, advice } of findings)
      cli.print(`${MARKS[status]} ${check.padEnd(12)} ${finding}${advice ? `\n               → ${advice}` : ""}`);
  return findings.some((one) => one.status === "failed") ? 1 : 0;
}

const MARKS = { ok: "ok     ", warning: "warning", failed: "FAILED " };

async function examineApp(cli: Cli): Promise<Finding[]> {
  try {
    return await withApp(cli, async (app) => [
      { check: "database", status: "ok", finding: `${app.runsOn.database}; schema version ${app.migrated.version}.` },
      ...(await examineRedis(app)),
      await examineClock(await app.databaseTime()),
      await examineQueues(await app.queue.counts()),
      await examineObjects(app),
      examineRules(cli.config(), app.rulesFault()),
    ]);
  } catch (error) {
    return [
      {
        check: "database",
        status: "failed",
        finding: reasonOf(error),
        advice: cli.config().databaseUrl
          ? "Check DATABASE_URL, and that the server runs and lets this host in."
          : "See DATA_DIR/postgres/postgres.log for what PostgreSQL itself says.",
      },
    ];
  }
}

async function examineRedis({ runsOn, redisHealth }: Pick<App, "runsOn" | "redisHealth">): Promise<Finding[]> {
  if (runsOn.redis === undefined) return [];
  try {
    const health = await redisHealth();
    if (!health || health.dangers.length === 0) {
      return [{ check: "redis", status: "ok", finding: `${runsOn.redis}, version ${health?.version}.` }];
    }
    return [
      {
        check: "redis",
        status: "warning",
        finding: `${runsOn.redis} may lose what it acknowledged.`,
        advice: health.dangers.join(" "),
      },
    ];
  } catch (error) {
    return [
      {
        check: "redis",
        status: "warning",
        finding: `${runsOn.redis} is away; PostgreSQL stands in. ${reasonOf(error)}`,
        advice: "Check REDIS_URL, REDIS_PASSWORD, and that the server runs and lets this host in.",
      },
    ];
  }
}

/** Clocks that differ more than this stamp events visibly wrong. */
const MAX_SKEW_MS = 2_000;

function examineClock(databaseTime: Date): Finding {
  const skewMs = Date.now() - databaseTime.getTime();
  if (Math.abs(skewMs) <= MAX_SKEW_MS)
    return {
      check: "clock",
      status: "ok",
      finding: `This machine and the database agree on the time to ${Math.abs(skewMs)} ms.`,
    };
  return {
    check: "clock",
    status: "warning",
    finding: `This machine's clock is ${skewMs} ms ahead of the database's.`,
    advice: "Run an NTP client on both.",
  };
}

function examineQueues(counts: Record<string, { dead: number }>): Finding {
  const dead = Object.entries(counts).filter(([, one]) => one.dead > 0);
  if (dead.length === 0) return { check: "queues", status: "ok", finding: "No job was given up." };
  const list = dead.map(([name, one]) => `${one.dead} in ${name}`).join(", ");
  return {
    check: "queues",
    status: "warning",
    finding: `Jobs were given up: ${list}.`,
    advice: '"muster queues list QUEUE" says why; "muster queues redrive QUEUE" tries them again.',
  };
}

function examineRules({ inventoryRulesFile }: Config, fault: string | undefined): Finding {
  const check = "rules";
  if (fault === undefined)
    return {
      check,
      status: "ok",
      finding: inventoryRulesFile ? `${inventoryRulesFile} has no fault.` : "The built-in rules are in force.",
    };
  return {
    check,
    status: "failed",
    finding: fault,
    advice: "A running gateway keeps the rules it had; one that starts now refuses to. See docs/inventory-rules.md.",
  };
}

function examineCertificate(config: Config): Finding[] {
  const files = certificateFiles(config);
  if (!files) return [];
  const check = "certificate";
  try {
    const { certificate, doubt } = examineFiles(files, new Date());
    if (doubt === undefined)
      return [
        {
          check,
          status: "ok",
          finding: `${files.certFile} is good until ${certificate.expiresAt.toISOString().slice(0, 10)}.`,
        },
      ];
    return [
      { check, status: "warning", finding: doubt, advice: "Renew it; the gateway reads the new files by itself." },
    ];
  } catch (error) {
    const advice = "A running gateway keeps the certificate it had; one that starts now refuses to.";
    return [{ check, status: "failed", finding: reasonOf(error), advice }];
  }
}

async function examineObjects({ objects }: App): Promise<Finding> {
  const check = "backups";
  try {
    const doubt = await objects.check();
    if (doubt !== undefined) return { check, status: "warning", finding: doubt };
    return { check, status: "ok", finding: `Backups can be stored: ${objects.describe}.` };
  } catch (error) {
    return {
      check,
      status: "failed",
      finding: `Backups cannot be stored in ${objects.describe}: ${reasonOf(error)}.`,
      advice: "Check the S3_* and BACKUP_S3_* settings, or that DATA_DIR can be written.",
    };
  }
}

function examineDataDir(config: Config): Finding[] {
  if (config.databaseUrl && !existsSync(config.dataDir)) {
    return [{ check: "disk", status: "ok", finding: `${config.dataDir} is not needed: the database is yours.` }];
  }
  return [examineSpace(config), examinePermissions(config), examineSync(config)];
}

const GIB = 1024 ** 3;
const LOW_BYTES = 5 * GIB;
const EMPTY_BYTES = GIB / 2;

function examineSpace({ dataDir }: Config): Finding {
  return examine("disk", () => {
    const { bavail, bsize, ffree, files } = statfsSync(dataDir);
    const free = bavail * bsize;
    const finding = `${(free / GIB).toFixed(1)} GiB free below ${dataDir}.`;
    if (files > 0 && ffree < 1_000)
      return {
        status: "failed",
        finding: `Only ${ffree} inodes left below ${dataDir}.`,
        advice: "Delete small files, or move DATA_DIR.",
      };
    if (free < EMPTY_BYTES) return { status: "failed", finding, advice: "Make room now: nothing can be stored soon." };
    if (free < LOW_BYTES)
      return { status: "warning", finding, advice: "Make room, or move DATA_DIR to a larger disk." };
    return { status: "ok", finding };
  });
}

function examinePermissions({ dataDir }: Config): Finding {
  return examine("permissions", () => {
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
function examineSync({ dataDir }: Config): Finding {
  return examine("fsync", () => {
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

function examineTimeSync(): Finding {
  return examine("time sync", () => {
    const timedatectl = Bun.which("timedatectl");
    const answer = timedatectl
      ? Bun.spawnSync([timedatectl, "show", "--property=NTPSynchronized", "--value"]).stdout.toString().trim()
      : "";
    if (answer === "no")
      return {
        status: "warning",
        finding: "The system clock is not synchronised.",
        advice: "timedatectl set-ntp true",
      };
    return {
      status: "ok",
      finding:
        answer === "yes"
          ? "The system clock is synchronised."
          : "This machine does not say whether its clock is synchronised.",
    };
  });
}

function examine(check: string, look: () => Omit<Finding, "check">): Finding {
  try {
    return { check, ...look() };
  } catch (error) {
    return {
      check,
      status: "failed",
      finding: reasonOf(error),
      advice: "Run muster doctor as the user that runs muster serve.",
    };
  }
}
