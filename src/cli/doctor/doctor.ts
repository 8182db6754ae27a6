// Prints the checks behind /ready, and looks at the host and its network; says what to do about what it finds.
import type { App } from "../../app/open.ts";
import type { Config } from "../../app/settings.ts";
import { Failure, reasonOf } from "../../errors.ts";
import { action } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";
import { examine } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { examineClock, examineMachine } from "./machine.ts";
import { examineNetwork } from "./network.ts";

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
  else for (const line of lines(findings)) cli.print(line);
  return findings.some((one) => one.status === "failed") ? 1 : 0;
}

const MARKS = { ok: "ok     ", warning: "warning", failed: "FAILED " };

function lines(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = " ".repeat(MARKS.ok.length + width + 2);
  return findings.flatMap(({ check, status, finding, advice }) => [
    `${MARKS[status]} ${check.padEnd(width)} ${finding}`,
    ...(advice === undefined ? [] : [`${indent}→ ${advice}`]),
  ]);
}

async function examineInstallation(cli: Cli, config: Config): Promise<Finding[]> {
  let app: App;
  try {
    app = await cli.openApp("cli", { config });
  } catch (error) {
    return [blame(error, config)];
  }
  try {
    const clock = examine("clock", "Look at the database first.", async () =>
      examineClock(await app.about.databaseTime()),
    );
    return [...(await examineChecks(app)), await clock];
  } finally {
    await app.stop();
  }
}

const STATUSES = { ok: "ok", degraded: "warning", failed: "failed" } as const;

async function examineChecks({ about }: Pick<App, "about">): Promise<Finding[]> {
  return (await about.examine()).map(({ name: check, status, reason, advice, well }) => ({
    check,
    status: STATUSES[status],
    finding: reason ?? well ?? "All is well.",
    ...(advice !== undefined && { advice }),
  }));
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
