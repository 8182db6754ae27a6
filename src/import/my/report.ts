// Counts what an import did, by kind: imported, there already, or skipped with the reason.
import { withFormerName } from "../../values/schema.ts";

interface Skipped {
  reason: string;
  count: number;
  /** The first few, as the operator knows them. */
  examples: string[];
}

interface KindReport {
  imported: number;
  /** The former name of `imported`. The next major version removes it. */
  brought: number;
  already_there: number;
  skipped: Skipped[];
}

type Kind = "organizations" | "systems" | "heartbeats" | "inventories" | "changes" | "alerts";
export type Report = Record<Kind, KindReport>;

const KINDS: readonly Kind[] = ["organizations", "systems", "heartbeats", "inventories", "changes", "alerts"];
const EXAMPLES = 5;

export interface Tally {
  imported(kind: Kind, count?: number): void;
  there(kind: Kind, count?: number): void;
  skip(kind: Kind, reason: string, example: string): void;
  report(): Report;
}

export function openTally(): Tally {
  const kinds = new Map(
    KINDS.map((kind): [Kind, { imported: number; there: number; skipped: Map<string, Skipped> }] => [
      kind,
      { imported: 0, there: 0, skipped: new Map() },
    ]),
  );
  const of = (kind: Kind) => {
    const found = kinds.get(kind);
    if (!found) throw new Error(`there is no kind ${kind}`);
    return found;
  };
  return {
    imported: (kind, count = 1) => void (of(kind).imported += count),
    there: (kind, count = 1) => void (of(kind).there += count),
    skip(kind, reason, example) {
      const { skipped } = of(kind);
      const one = skipped.get(reason) ?? { reason, count: 0, examples: [] };
      skipped.set(reason, one);
      one.count += 1;
      if (one.examples.length < EXAMPLES) one.examples.push(example);
    },
    report: () =>
      Object.fromEntries(
        KINDS.map((kind) => {
          const { imported, there, skipped } = of(kind);
          const report = { imported, already_there: there, skipped: [...skipped.values()] };
          return [kind, withFormerName(report, "imported", "brought")];
        }),
      ) as Report,
  };
}
