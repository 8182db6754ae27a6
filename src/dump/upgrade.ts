// Dumps before an upgrade, into DATA_DIR/dumps, and keeps the last few.
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PostgresConnection } from "../adapters/postgres/database.ts";
import type { BeforeUpgrade } from "../adapters/postgres/migrate.ts";
import { Failure, reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import { PARTIAL, writeDumpFile } from "./file.ts";
import { openDump } from "./write.ts";

interface UpgradeDeps {
  connection: PostgresConnection;
  directory: string;
  version: string;
  clock: Clock;
  log: Log;
}

const KEPT = 3;
const NAME = /^before-\d{4}-\d{8}T\d{6}Z\.tar\.zst/;

export function dumpBeforeUpgrade({ connection, directory, version, clock, log }: UpgradeDeps): BeforeUpgrade {
  return async ({ name }) => {
    const at = clock.now();
    const path = join(directory, `before-${name.slice(0, 4)}-${stampOf(at)}.tar.zst`);
    log.info("The database is dumped before it is upgraded.", { file: path });
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await removeOthers(directory, KEPT - 1);
      await writeDumpFile(path, openDump({ connection, version, at, locked: true }).bytes);
    } catch (error) {
      throw new Failure(
        "upgrade.dump",
        error instanceof Failure ? error.status : 503,
        `The database needs ${name}, and could not be dumped before: ${reasonOf(error).replace(/\.$/, "")}. Nothing was upgraded. Make room or repair what is wrong and start again, or upgrade without a dump: DUMP_BEFORE_UPGRADE=false.`,
        { cause: error },
      );
    }
  };
}

/** `20261124T031500Z`: names in the order of time. */
export const stampOf = (at: Date) => at.toISOString().replace(/[-:]|\.\d+/g, "");

/** Keeps the newest dumps, so that there is room for the next, and removes interrupted ones. */
async function removeOthers(directory: string, keep: number): Promise<void> {
  const names = (await readdir(directory)).filter((name) => NAME.test(name));
  const whole = names.filter((name) => !PARTIAL.test(name)).sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1));
  const gone = [...names.filter((name) => PARTIAL.test(name)), ...whole.slice(0, Math.max(0, whole.length - keep))];
  for (const name of gone) await rm(join(directory, name), { force: true });
}

const timeOf = (name: string) => name.slice("before-0000-".length);
