// Defines SQL as the domains see it: one dialect, PostgreSQL. Stores are made of functions that take a `Queryable`.

export interface QueryOptions {
  /** Prepared once per connection under this name; for statements on hot paths. */
  name?: string;
}

export interface Queryable {
  /**
   * Runs one parameterized statement and returns its rows. An unreachable server is a Failure 503, a full disk a Failure 507. A statement past
   * its time is ended on the server, and is a Failure 503 that is no outage.
   */
  query<Row>(text: string, values?: readonly unknown[], options?: QueryOptions): Promise<Row[]>;
}

export interface Database extends Queryable {
  /** Commits when `work` resolves, rolls back when it rejects. */
  transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result>;
  /** The same database for background work: its statements may take a minute, or `ms` milliseconds. */
  patient(ms?: number): Database;
  close(): Promise<void>;
}

/** For jobs that block others: the first attempt has the usual few seconds, later ones have a minute. */
export const databaseFor = (database: Database, jobs: readonly { attempt: number }[]): Database =>
  jobs.some((job) => job.attempt > 1) ? database.patient() : database;
