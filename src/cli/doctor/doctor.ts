// Looks at everything Muster stands on and says what to do about what it finds.
import type { App } from "../../app/open.ts";
import type { Config } from "../../app/settings.ts";
import { Failure, reasonOf } from "../../errors.ts";
import { examineMachine } from "./machine.ts";
import { examineNetwork } from "./network.ts";
import { examine } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { action } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";

export const doctor: Verb = {
  name: "doctor",
  summary: "Check database, queues, network, disk, clock and permissions; say what to do.",
  actions: { "": action({ run: examineAll }) },
  notes: "Exit code 0 when nothing failed, 1 otherwise. Works beside a running gateway and without one.",
};

async function examineAll({ json }: { json: boolean }, cli: Cli): Promise<number> {
  const config = cli.config();
  const findings = [
    ...(await examineInstallation(cli, config)),
    ...(await examineNetwork(config)),
    ...(await examineMachine(config)),
  ];
  if (json) cli.print(JSON.stringify({ findings }));
  else
    for (const { check, status, finding, advice } of findings)
      cli.print(`${MARKS[status]} ${check.padEnd(12)} ${finding}${advice ? `\n               → ${advice}` : ""}`);
  return findings.some((one) => one.status === "failed") ? 1 : 0;
}

const MARKS = { ok: "ok     ", warning: "warning", failed: "FAILED " };

async function examineInstallation(cli: Cli, config: Config): Promise<Finding[]> {
  let app: App;
  try {
    app = await cli.openApp("cli", { config });
  } catch (error) {
    return [blame(error, config)];
  }
  try {
    const advice = "Look at the database first; a job that is stuck shows with muster queues.";
    return [
      { check: "database", status: "ok", finding: `${app.runsOn.database}; schema version ${app.migrated.version}.` },
      ...(await examineRedis(app)),
      await examine("clock", "Look at the database first.", async () => examineClock(await app.databaseTime())),
      await examine("queues", advice, async () => examineQueues(await app.queue.counts())),
      await examineObjects(app),
      examineRules(config, app.rulesFault()),
    ];
  } finally {
    await app.stop();
  }
}

/** What kept the installation from being opened. Failures of ours say themselves what to do. */
function blame(error: unknown, { database }: Config): Finding {
  const failed = { status: "failed", finding: reasonOf(error) } as const;
  const code = error instanceof Failure ? error.code : "";
  if (code.startsWith("data_dir.")) return { check: "data", ...failed };
  if (code.startsWith("installation.") || /^database\.(older|newer|migration_changed|too_old)$/.test(code))
    return { check: "database", ...failed };
  const advice = database.url
    ? "Check DATABASE_URL, and that the server runs and lets this host in."
    : "See DATA_DIR/postgres/postgres.log for what PostgreSQL itself says.";
  return { check: "database", ...failed, advice };
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

function examineClock(databaseTime: Date): Omit<Finding, "check"> {
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

function examineQueues(counts: Record<string, { dead: number }>): Omit<Finding, "check"> {
  const dead = Object.entries(counts).filter(([, one]) => one.dead > 0);
  if (dead.length === 0) return { status: "ok", finding: "No job was given up." };
  const list = dead.map(([name, one]) => `${one.dead} in ${name}`).join(", ");
  return {
    status: "warning",
    finding: `Jobs were given up: ${list}.`,
    advice: '"muster queues list QUEUE" says why; "muster queues redrive QUEUE" tries them again.',
  };
}

function examineRules({ inventory: { rulesFile } }: Config, fault: string | undefined): Finding {
  const check = "rules";
  if (fault === undefined)
    return {
      check,
      status: "ok",
      finding: rulesFile ? `${rulesFile} has no fault.` : "The built-in rules are in force.",
    };
  return {
    check,
    status: "failed",
    finding: fault,
    advice: "A running gateway keeps the rules it had; one that starts now refuses to. See docs/inventory-rules.md.",
  };
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
