// Runs every benchmark of this directory, each in a process of its own, prints all figures as one JSON array, and writes them
// for people into bench/RESULTS.md, with a table of highlights first.
import { Glob } from "bun";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { basename, join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { describeHighlights } from "./support/highlights.ts";

/** What a `target` beside it is the goal of; connections and rates have none. */
const HAS_GOAL = /^(ratio|median|total)/;

type Figures = { [name: string]: unknown };

const results: { bench: string; figures: Figures | undefined }[] = [];
for (const file of [...new Glob("*.ts").scanSync(import.meta.dir)].sort()) {
  if (file === basename(import.meta.path)) continue;
  console.error(`${file} …`);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, file)], { stdout: "pipe", stderr: "inherit" });
  const [output, code] = await Promise.all([child.stdout.text(), child.exited]);
  const { bench, ...figures }: Figures = code === 0 ? JSON.parse(output) : {};
  results.push({ bench: basename(file, ".ts"), figures: code === 0 ? figures : undefined });
  if (code !== 0) process.exitCode = 1;
}
console.log(JSON.stringify(results, null, 2));
writeFileSync(join(import.meta.dir, "RESULTS.md"), describe());
Bun.spawnSync([process.execPath, "fmt", join(import.meta.dir, "RESULTS.md")]);

function describe(): string {
  const [processor] = cpus();
  const machine = `${cpus().length} cores (${processor?.model.trim()}), ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()}`;
  const sections = results.map(({ bench, figures }) => {
    const [about = ""] = /^(\/\/ .*\n)+/.exec(readFileSync(join(import.meta.dir, `${bench}.ts`), "utf8")) ?? [];
    const table = figures
      ? `| figure | measured | goal |\n| --- | --- | --- |\n${rowsOf(figures)
          .map(({ name, value, goal }) => `| ${name} | ${value} | ${goal} |`)
          .join("\n")}`
      : "It failed.";
    return `## ${bench}\n\n${about.replaceAll(/^\/\/ /gm, "").trim()}\n\n${table}\n`;
  });
  const all = results.flatMap(({ bench, figures }) =>
    rowsOf(figures ?? {}).map(({ name, value }) => [`${bench} › ${name}`, value] as const),
  );
  return `# Results

Read this when you want to know how fast Muster is, or compare a change with the state before it.

Written by \`bun run bench\` on ${new Date().toISOString().slice(0, 10)}: Muster ${packageJson.version}, Bun ${Bun.version}, on ${machine}.
A ratio (÷) compares with a ceiling measured in the same run, so it can be compared between machines; times, rates and sizes are
those of this machine.

## Highlights

${describeHighlights(new Map(all))}

${sections.join("\n")}`;
}

interface Row {
  name: string;
  value: string;
  goal: string;
}

/** One row a figure. */
function rowsOf(figures: Figures, path: string[] = []): Row[] {
  const { target, ...own } = figures;
  return Object.entries(own).flatMap(([name, value]) => {
    const at = [...path, name];
    if (Array.isArray(value)) return value.flatMap((one, index) => rowsOf({ [index + 1]: one }, at));
    if (typeof value === "object" && value !== null)
      return rowsOf({ ...(target !== undefined && { target }), ...value }, at);
    const goal = goalOf(HAS_GOAL.test(name) ? target : undefined);
    return [{ name: at.join(" › ").replaceAll("_", " "), value: String(value), goal }];
  });
}

function goalOf(target: unknown): string {
  if (target === undefined) return "";
  return typeof target === "object" ? JSON.stringify(target) : String(target);
}
