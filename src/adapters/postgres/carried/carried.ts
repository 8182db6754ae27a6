// Opens the carried PostgreSQL: unpacks, makes, starts and watches it under DATA_DIR/postgres.
import type { Log } from "../../../log.ts";
import { SUPERUSER } from "./files/access.ts";
import { createCluster, DATABASE, serverMajor } from "./files/cluster.ts";
import type { PostgresConnection } from "../database.ts";
import { layoutOf, prepareLayout } from "./files/layout.ts";
import { clearRemains, readPostmaster, serverProcesses } from "./remains.ts";
import { ServerSupervisor } from "./supervisor.ts";
import { unpackServer } from "./files/unpack.ts";
import { finishUpgrade } from "./files/upgrade.ts";

interface CarriedPostgres {
  connection: PostgresConnection;
  info(): CarriedInfo;
  /** Stops PostgreSQL, at once after `limitMs`, and waits until no process of it is left. */
  close(limitMs?: number): Promise<void>;
}

export interface CarriedInfo {
  /** Null while the server is down. */
  pid: number | null;
  restarts: number;
  user: string;
  /** Major version of PostgreSQL: "18". */
  version: string;
}

interface CarriedOptions {
  dataDir: string;
  log: Log;
  maxClients?: number | undefined;
}

/** The caller holds the data directory's lock. */
export async function openCarriedPostgres({ dataDir, log, maxClients }: CarriedOptions): Promise<CarriedPostgres> {
  const { layout, account } = await prepareLayout(dataDir);
  const server = await unpackServer(layout.root, log);
  await clearRemains(layout, log);
  await finishUpgrade(layout);
  const isNew = await createCluster(server, layout, account);
  const supervisor = await ServerSupervisor.start({ server, layout, account, log, maxClients });
  const version = serverMajor(server);
  log.info(`${isNew ? "Made a database and started" : "Started"} the carried PostgreSQL.`, {
    version,
    runs_as: account.name,
    pid: supervisor.pid,
    files: layout.files,
  });
  return {
    connection: connectionTo(layout.run),
    info: () => ({ pid: supervisor.pid, restarts: supervisor.restarts, user: account.name, version }),
    close: (limitMs) => supervisor.close(limitMs),
  };
}

/** Address of this installation's carried server, whether it runs or not. */
export const carriedConnection = (dataDir: string) => connectionTo(layoutOf(dataDir).run);

/** Waits for the server that another process of this installation runs, until it accepts connections. */
export function findRunningPostgres(dataDir: string): PostgresConnection | undefined {
  const { files, run } = layoutOf(dataDir);
  const note = readPostmaster(files);
  if (!note?.ready) return undefined;
  const isOurs = serverProcesses(files).some(({ pid, isMain }) => isMain && pid === note.pid);
  return isOurs ? connectionTo(run) : undefined;
}

export const connectionTo = (run: string): PostgresConnection => ({ host: run, user: SUPERUSER, database: DATABASE });
