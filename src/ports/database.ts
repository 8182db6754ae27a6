// SQL as the domains see it: one dialect, PostgreSQL. Stores are made of functions that take a `Queryable`.

export interface QueryOptions {
  /** Prepared once per connection under this name; for statements on hot paths. */
  name?: string;
}

export interface Queryable {
  /** Rows of one parameterised statement. An unreachable server is a Failure 503, a full disk a Failure 507. */
  query<Row>(text: string, values?: readonly unknown[], options?: QueryOptions): Promise<Row[]>;
}

export interface Database extends Queryable {
  /** Commits when `work` resolves, rolls back when it rejects. */
  transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}
