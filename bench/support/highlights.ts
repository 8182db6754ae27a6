// Selects from all figures the few that a reader wants first, with their goals, as one table.

export interface Highlight {
  what: string;
  /** File of bench/ without its ending. */
  bench: string;
  /** The figure as its row in RESULTS.md is called; `*` stands for any one step, and the largest of them counts. */
  figure: string;
  unit?: string;
  /** The goal: at least, or at most. Without either there is none. */
  least?: number;
  most?: number;
}

const HIGHLIGHTS: readonly Highlight[] = [
  { what: "heartbeats a second, durable, PostgreSQL", bench: "heartbeats", figure: "postgres › ours per second" },
  { what: "… ÷ a bare Bun.serve JSON echo", bench: "heartbeats", figure: "postgres › ratio", least: 0.5 },
  { what: "heartbeats a second, durable, Redis", bench: "heartbeats", figure: "redis › ours per second" },
  { what: "… ÷ the same echo", bench: "heartbeats", figure: "redis › ratio", least: 0.5 },
  { what: "posts of an alert a second, durable", bench: "alerts", figure: "accepted › ours per second" },
  { what: "… ÷ the same echo", bench: "alerts", figure: "accepted › ratio", least: 0.3 },
  {
    what: "10,000 LinkFailed alerts, until Alertmanager holds them",
    bench: "alerts",
    figure: "link failed › seconds",
    unit: "s",
    most: 30,
  },
  { what: "inventories of 30 KB a second, compared and committed", bench: "inventory", figure: "ours per second" },
  { what: "… ÷ plain inserts on 10 connections", bench: "inventory", figure: "ratio", least: 0.35 },
  {
    what: "diff of 4,000 changed array elements",
    bench: "diff",
    figure: "diff 4000 changed elements › ms",
    unit: "ms",
    most: 250,
  },
  {
    what: "start to first answer, your PostgreSQL",
    bench: "start",
    figure: "external ms › median",
    unit: "ms",
    most: 150,
  },
  {
    what: "start to first answer, carried PostgreSQL",
    bench: "start",
    figure: "carried again ms › median",
    unit: "ms",
    most: 400,
  },
  { what: "… its very first start", bench: "start", figure: "carried first ms › median", unit: "ms", most: 3000 },
  { what: "idle memory with PostgreSQL", bench: "start", figure: "idle pss mb › total", unit: "MB", most: 150 },
  { what: "backup to a directory ÷ hashing the body", bench: "backups", figure: "directory ratio", least: 0.7 },
  { what: "… memory growth at 2 GiB", bench: "backups", figure: "growth mb at 2 gib", unit: "MB", most: 64 },
  { what: "backup to S3 ÷ hashing the body", bench: "backups", figure: "s3 ratio", least: 0.6 },
  { what: "… memory growth at 2 GiB", bench: "backups", figure: "s3 growth mb at 2 gib", unit: "MB", most: 64 },
  {
    what: "heartbeat p99 beside four uploads",
    bench: "backups",
    figure: "heartbeat p99 ms beside uploads",
    unit: "ms",
    most: 50,
  },
  {
    what: "fleet of 10,000: slowest page, search or facet, p99",
    bench: "scale",
    figure: "answers › * › p99 ms",
    unit: "ms",
    most: 200,
  },
  {
    what: "one more inventory, fleet of 10,000 ÷ fleet of 1,000",
    bench: "scale",
    figure: "one more inventory › ratio pipeline",
    most: 1.2,
  },
  { what: "10,000 systems back at once after an outage", bench: "surge", figure: "back › seconds", unit: "s" },
];

/** Figures by "bench › name", as text. A highlight that was not measured says so. */
export function describeHighlights(figures: ReadonlyMap<string, string>): string {
  const rows = HIGHLIGHTS.map((one) => {
    const value = valueOf(one, figures);
    const measured = value === undefined ? "not measured" : `${rounded(value)}${one.unit ? ` ${one.unit}` : ""}`;
    return `| ${one.what} | \`${one.bench}\` | ${measured} | ${goalOf(one)} | ${value === undefined ? "" : verdictOf(one, value)} |`;
  });
  return `| what | bench | measured | goal | met |\n| --- | --- | --- | --- | --- |\n${rows.join("\n")}`;
}

function valueOf({ bench, figure }: Highlight, figures: ReadonlyMap<string, string>): number | undefined {
  const wanted = [bench, ...figure.split(" › ")];
  const fits = (name: string) => {
    const steps = name.split(" › ");
    return steps.length === wanted.length && wanted.every((step, index) => step === "*" || step === steps[index]);
  };
  const values = [...figures].filter(([name]) => fits(name)).map(([, text]) => Number(text));
  return values.length > 0 ? Math.max(...values) : undefined;
}

function rounded(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

function goalOf({ least, most, unit }: Highlight): string {
  const of = unit ? ` ${unit}` : "";
  if (least !== undefined) return `≥ ${least}${of}`;
  return most === undefined ? "" : `≤ ${most.toLocaleString("en-US")}${of}`;
}

function verdictOf({ least, most }: Highlight, value: number): string {
  if (least === undefined && most === undefined) return "";
  return (least === undefined || value >= least) && (most === undefined || value <= most) ? "yes" : "no";
}
