// Lays rows out below their headers, and says after a list what of it was left out.
import { printable } from "../verb.ts";
import type { Cli } from "../verb.ts";

/** A cell is text that may come from outside, a number, a time, or nothing. */
export type Cell = string | number | Date | null | undefined;

/** Headers and rows as lines; columns of numbers stand to the right. */
export function tableOf(headers: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const isNumeric = headers.map((_, column) => rows.some((row) => typeof row[column] === "number"));
  const lines = [headers, ...rows.map((row) => row.map(textOf))];
  const widths = headers.map((_, column) => Math.max(...lines.map((line) => Bun.stringWidth(line[column] ?? ""))));
  return lines.map((line) =>
    line
      .map((text, column) => {
        const filling = " ".repeat((widths[column] ?? 0) - Bun.stringWidth(text));
        return isNumeric[column] ? filling + text : text + filling;
      })
      .join("  ")
      .trimEnd(),
  );
}

export function printTable(cli: Cli, headers: readonly string[], rows: readonly (readonly Cell[])[]): void {
  for (const line of tableOf(headers, rows)) cli.print(line);
}

function textOf(cell: Cell): string {
  if (cell === null || cell === undefined || cell === "") return "-";
  return cell instanceof Date ? timeOf(cell) : printable(String(cell));
}

/** To the second, in UTC. */
export const timeOf = (time: Date | string) => `${new Date(time).toISOString().slice(0, 19)}Z`;

/** Flags of lists that come in pages. */
export const PAGED = { limit: "N", cursor: "C", all: true } as const;
const LARGEST_PAGE = 200;

interface Page {
  next_cursor: string | null;
}

/** One page, or with `all` every page from the cursor on; `merge` puts two pages together. */
export async function readPages<Query extends { limit: number; cursor?: string }, Result extends Page>(
  query: Query,
  isAll: boolean | undefined,
  read: (query: Query) => Promise<Result>,
  merge: (one: Result, next: Result) => Result,
): Promise<Result> {
  if (!isAll) return read(query);
  let result = await read({ ...query, limit: LARGEST_PAGE });
  while (result.next_cursor !== null)
    result = merge(result, await read({ ...query, limit: LARGEST_PAGE, cursor: result.next_cursor }));
  return result;
}

/** After the list. */
export function sayRest(
  cli: Cli,
  { next_cursor: next }: Page,
  shown: number,
  total?: number,
  more = "--all shows them all",
): void {
  if (next === null) return;
  const count = total === undefined ? `${shown} shown, and there are more` : `${shown} of ${total} shown`;
  cli.say(`${count}: ${more}, --cursor ${next} the next ones.`);
}
