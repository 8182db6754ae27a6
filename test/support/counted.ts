// Counts the statements that go to a database, where a test says what something may cost.
import type { Database, Queryable } from "../../src/ports/database.ts";

export interface Counted extends Database {
  /** Statements so far. */
  statements(): number;
}

export function countStatements(database: Database): Counted {
  let count = 0;
  const counting = (queryable: Queryable): Queryable => ({
    query(...args) {
      count += 1;
      return queryable.query<never>(...args);
    },
  });
  const counted = (on: Database): Counted => ({
    ...counting(on),
    transaction: (work) => on.transaction((tx) => work(counting(tx))),
    patient: (ms) => counted(on.patient(ms)),
    close: () => on.close(),
    statements: () => count,
  });
  return counted(database);
}
