// Writes docs/walks.md, the files that one request passes, from the imports of src: `bun scripts/walks.ts`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dir, "..");
const PAGE = "docs/walks.md";

interface Walk {
  title: string;
  /** What of it is walked. */
  story: string;
  /** Files below src that nothing imports on the way: where the request comes in, and what takes the work out of a queue. */
  entries: string[];
}

const CALLER: Walk = {
  title: "Who is calling",
  story: "from the Authorization header to the system it belongs to; every walk below begins with it",
  entries: ["domains/systems/credentials/authenticate.ts"],
};

/** The most that a walk may open. */
interface Goal {
  files: number;
  lines?: number;
  /** Counts who is calling too. */
  withCaller: boolean;
}

const WALKS: (Walk & { goal: Goal })[] = [
  {
    title: "One heartbeat",
    story: "from `POST /api/systems/heartbeat` to the status it flips",
    entries: ["domains/heartbeats/index.ts"],
    goal: { files: 12, withCaller: true },
  },
  {
    title: "One inventory",
    story: "from `POST /api/systems/inventory` to its changes in inventory_diffs",
    entries: ["domains/inventory/routes.ts", "domains/inventory/pipeline.ts", "domains/inventory/large/worker.ts"],
    goal: { files: 25, lines: 2_900, withCaller: false },
  },
  {
    title: "One upload",
    story: "from `POST /api/systems/backups` to the backup's row",
    entries: ["domains/backups/routes.ts", "domains/backups/upload/upload.ts"],
    goal: { files: 18, withCaller: true },
  },
];

/** Layers without a subject: read once, they are the same on every walk. Paths below src, as they begin. */
const PLUMBING = ["adapters/", "config/", "domain.ts", "errors.ts", "http/", "jobs/", "log.ts", "ports/", "values/"];

interface Walked {
  /** Files below src with their lines. */
  files: Map<string, number>;
  /** Other domains that it is given something of. */
  asks: Set<string>;
}

/**
 * Follows every import within the walk's own domain, of types too: a type leads to the file that makes its values. Other
 * domains are handed over as arguments, so only their types are imported: they are named, not walked.
 */
async function walk({ entries }: Walk): Promise<Walked> {
  const own = (entries[0] ?? "").split("/", 2).join("/");
  const walked: Walked = { files: new Map(), asks: new Set() };
  const left = [...entries];
  for (let file = left.shift(); file !== undefined; file = left.shift()) {
    if (walked.files.has(file)) continue;
    const code = await Bun.file(join(ROOT, "src", file)).text();
    walked.files.set(file, code.split("\n").length - 1);
    for (const [, specifier = ""] of code.matchAll(/^(?:import|export)\b[^;]*?from\s+"(\.[^"]+)"/gms)) {
      const path = relative("/", join("/", dirname(file), specifier));
      if (path.startsWith(`${own}/`)) left.push(path);
      else if (path.startsWith("domains/")) walked.asks.add(path.split("/")[1] ?? "");
      else if (!PLUMBING.some((beginning) => path.startsWith(beginning)))
        throw new Error(`${file} imports ${path}, which is neither of its domain nor plumbing`);
    }
  }
  return walked;
}

const sumOf = (files: Map<string, number>) => [...files.values()].reduce((sum, lines) => sum + lines, 0);

/** What the file says of itself before its code begins. */
async function opening(file: string): Promise<string> {
  const lines = (await Bun.file(join(ROOT, "src", file)).text()).split("\n");
  const end = lines.findIndex((line) => !line.startsWith("// "));
  return lines
    .slice(0, end)
    .map((line) => line.slice(3))
    .join(" ")
    .replaceAll("|", "\\|");
}

async function section(one: Walk, files: Walked["files"], after: string): Promise<string> {
  const rows = await Promise.all(
    [...files].map(async ([file, lines]) => `| \`${file}\` | ${lines} | ${await opening(file)} |`),
  );
  return `## ${one.title}

${one.story[0]?.toUpperCase()}${one.story.slice(1)}: ${files.size} files, ${sumOf(files)} lines${after}

| file | lines | what it does |
| --- | ---: | --- |
${rows.join("\n")}
`;
}

export interface Measured {
  title: string;
  goal: Goal;
  files: number;
  lines: number;
}

/** What counts of each walk towards its goal. */
export async function measureWalks(): Promise<Measured[]> {
  const caller = await walk(CALLER);
  return Promise.all(
    WALKS.map(async ({ goal, ...one }) => {
      const { files } = await walk(one);
      const counted = goal.withCaller ? new Map([...files, ...caller.files]) : files;
      return { title: one.title, goal, files: counted.size, lines: sumOf(counted) };
    }),
  );
}

export async function walksPage(): Promise<string> {
  const caller = await walk(CALLER);
  const walks = WALKS.map(async ({ goal, ...one }) => {
    const { files, asks } = await walk(one);
    const most = goal.lines === undefined ? `${goal.files} files` : `${goal.files} files and ${goal.lines} lines`;
    const counted = `${files.size + caller.files.size} files with who is calling`;
    return section(
      one,
      files,
      `; ${counted}. Goal: at most ${most}, ${goal.withCaller ? "with" : "without"} who is calling. Asks: ${[...asks].sort().join(", ")}.`,
    );
  });
  return `# Walks

Read this when you want to follow one request through the source, or are about to add a file to what it passes.

\`bun scripts/walks.ts\` makes this page from the imports of \`src/\`; \`test/walks.test.ts\` fails when it is not current, or when a
walk is longer than its goal. A walk begins where a request comes in and where a job takes its work out of a queue, and follows
every import within its domain, of types too. It does not enter the layers without a subject
(${PLUMBING.map((name) => `\`${name}\``).join(", ")}), which are the same on every walk, nor other
domains: those are handed over as arguments, and named as asked. Files come in the order in which they are met.

${[await section(CALLER, caller.files, "."), ...(await Promise.all(walks))].join("\n")}`;
}

/** As `bun fmt` leaves it. */
export async function formatted(page: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "walks-"));
  try {
    const file = join(directory, "walks.md");
    await Bun.write(file, page);
    await Bun.$`${process.execPath} fmt ${file}`.cwd(ROOT).quiet();
    return await Bun.file(file).text();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (import.meta.main) await Bun.write(join(ROOT, PAGE), await formatted(await walksPage()));
