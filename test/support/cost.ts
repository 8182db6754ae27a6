// Counts what PostgreSQL does for statements: rows that any step of them produced or threw away, as the server tells.
import type { Queryable } from "../../src/ports/database.ts";

interface PlanNode {
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Join Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  Plans?: PlanNode[];
}

/** Runs `work` on a connection whose every statement is explained as it is executed; it sees no rows. Returns rows handled. */
export async function countRows(db: Queryable, work: (counted: Queryable) => Promise<void>): Promise<number> {
  let rows = 0;
  await work({
    async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      const [explained] = await db.query<{ "QUERY PLAN": { Plan: PlanNode }[] }>(
        `explain (analyze, timing off, format json) ${text}`,
        values,
      );
      for (const { Plan } of explained?.["QUERY PLAN"] ?? []) rows += handled(Plan);
      return [];
    },
  });
  return rows;
}

function handled(node: PlanNode): number {
  const each =
    node["Actual Rows"] +
    (node["Rows Removed by Filter"] ?? 0) +
    (node["Rows Removed by Join Filter"] ?? 0) +
    (node["Rows Removed by Index Recheck"] ?? 0);
  return each * node["Actual Loops"] + (node.Plans ?? []).reduce((sum, child) => sum + handled(child), 0);
}
