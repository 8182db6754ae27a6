// Refuses a second import into the same database: it would only do the same work again.
import type { PostgresConnection } from "../../adapters/postgres/database.ts";
import { openSession } from "../../adapters/postgres/session.ts";
import { Failure } from "../../errors.ts";

/** Beside the locks of migrations and jobs. */
const LOCK = 0x6d79_696d;

/** The lock goes with the connection, however this process ends. */
export async function alone<Result>(
  connection: PostgresConnection,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const session = await openSession(connection, signal);
  try {
    const [row] = await session.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [LOCK]);
    if (!row?.taken) throw new Failure("import.running", 409, "Another import into this database is running.");
    return await work();
  } finally {
    await session.close();
  }
}
