// Checks the layer table of AGENTS.md: who may import whom, that nothing goes in circles, and where the environment is read.
import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { dirname, join, relative } from "node:path";

const SRC = join(import.meta.dir, "../src");
const files = [...new Glob("**/*.ts").scanSync(SRC)].sort();
const transpiler = new Bun.Transpiler({ loader: "ts" });

interface Import {
  path: string;
  /** Erased at run time: scanImports does not see it. */
  isType: boolean;
}

/** Relative imports of a file, as paths below src. */
async function importsOf(file: string): Promise<Import[]> {
  const code = await Bun.file(join(SRC, file)).text();
  const resolved = (specifier: string) => relative(SRC, join(SRC, dirname(file), specifier));
  const real = new Set(transpiler.scanImports(code).map((one) => one.path));
  const all = [...code.matchAll(/^(?:import|export)\b[^;]*?from\s+"(\.[^"]+)"/gms)].map((match) => match[1] ?? "");
  return [...new Set(all)].map((specifier) => ({ path: resolved(specifier), isType: !real.has(specifier) }));
}

interface Layer {
  from: string;
  may: string[];
  mayTypes: string[];
}

/** Rows of AGENTS.md's table: what stands in its first and last column in backticks. */
async function readLayers(): Promise<Layer[]> {
  const text = await Bun.file(join(SRC, "../AGENTS.md")).text();
  const section = text.slice(text.indexOf("## Layers"), text.indexOf("A domain folder holds"));
  const names = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
  return section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => {
      const [, from, , may = ""] = line.split("|");
      const [values, types] = may.split("; types of ");
      return { from: names(from)[0] ?? "", may: names(values), mayTypes: names(types) };
    });
}

const layers = await readLayers();

/** Domains with sub-folders, each with the levels of its line in AGENTS.md, from the top down. */
async function readLevels(): Promise<[domain: string, levels: string[][]][]> {
  const text = await Bun.file(join(SRC, "../AGENTS.md")).text();
  const section = text.slice(text.indexOf("Sub-folders of a domain"), text.indexOf("A domain folder holds"));
  const names = (level: string) => [...level.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
  return [...section.matchAll(/^- `(\w+)`: (.+)$/gm)].map(([, domain = "", line = ""]) => [
    domain,
    line.split("→").map(names),
  ]);
}
const levels = await readLevels();

/** `X` in a name is one part of a path, the same on both sides; `*` is any one part; a folder ends with `/`, a file has no `.ts`. */
function pattern(name: string, x = "([^/]+)"): RegExp {
  const text = name.replaceAll("*", "[^/]+").replace(/\bX\b/, x);
  return new RegExp(name.endsWith("/") ? `^${text}` : `^${text}\\.ts$`);
}

function layerOf(file: string): { layer: Layer; x: string | undefined } | undefined {
  for (const layer of layers) {
    const match = pattern(layer.from).exec(file);
    if (match) return { layer, x: match[1] };
  }
  return undefined;
}

/** Texts that are carried as text. */
const isCarried = (path: string) =>
  path === "../package.json" || path.startsWith("../systemd/") || !path.endsWith(".ts");

function mayImport(from: string, { path, isType }: Import): boolean {
  const found = layerOf(from);
  if (!found) return false;
  const { layer, x } = found;
  const isOwn = layer.from.endsWith("/") && !layer.from.includes("X") && path.startsWith(layer.from);
  const names = isType ? [...layer.may, ...layer.mayTypes] : layer.may;
  return isOwn || isCarried(path) || names.some((name) => pattern(name, x).test(path));
}

/** Each with whose JSON it reads. */
const OWN_JSON = [
  // Packages that are carried.
  "adapters/postgres/carried/files/unpack.ts",
  // Payloads of our own jobs.
  "domains/alerts/receive/accept.ts",
  "domains/alerts/outbox/deliver.ts",
  "domains/reachability/watch.ts",
  "domains/backups/upkeep/jobs.ts",
  "domains/inventory/intake/payload.ts",
  // Stored values, and documents that were scanned before.
  "domains/search/language/order.ts",
  "domains/inventory/intake/document.ts",
  "values/json/value.ts",
  // Of one string: a pattern has found where it ends.
  "domains/search/language/query.ts",
  "values/json/pointer.ts",
  // What a thread or a process of ours says.
  "domains/inventory/large/thread.ts",
  "domains/inventory/large/worker.ts",
  "processes/executable.ts",
  // The gateway that is simulated against.
  "simulate/client.ts",
  "values/json/parse.ts",
];

/** Statements that write, in SQL texts. */
const WRITES =
  /\b(?:insert\s+into|update(?!\s+(?:set|skip|of)\b)|delete\s+from|merge\s+into|truncate)\s+(?:only\s+)?([a-z][a-z_]{3,})\b(?=\s*(?:[a-z]{1,2}\s+)?(?:set\b|\(|as\b|using\b|where\b|select\b|values\b|[`\n]))/g;

const IMPORTS = /^(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s+from\s+"(\.[^"]+)"/gm;
const STARS = /^export\s+\*\s+as\s+\w+\s+from\s+"(\.[^"]+)"/gm;
const LATER = /\{([^}]*)\}\s*=\s*await import\("(\.[^"]+)"\)/g;
const NAMESPACES = /^import\s+(?:type\s+)?\*\s+as\s+(\w+)\s+from\s+"(\.[^"]+)"/gm;
const EXPORTS = /^export\s+(?:async\s+)?(?:function|const|class|interface|type)\s+(\w+)/gm;
/** "Stores …": a verb in the third person. Verbs of the command line say their own name. */
const OPENING = /^(?:#![^\n]*\n)?\/\/ (?:[A-Z][a-z]+s[ ,]|muster [a-z])/;

/** Strongly connected files: those that import one another, over however many steps. */
function circlesOf(graph: Map<string, string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string) => {
    index.set(file, index.size);
    low.set(file, index.size - 1);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue;
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return circles;
}

describe("architecture", () => {
  test.each(files)("%s imports only what its layer may", async (file) => {
    const forbidden = (await importsOf(file)).filter((one) => !mayImport(file, one)).map((one) => one.path);
    expect(forbidden).toEqual([]);
  });

  test("no import goes in a circle, type imports counted", async () => {
    const graph = new Map<string, string[]>();
    for (const file of files)
      graph.set(
        file,
        (await importsOf(file)).map((one) => one.path),
      );
    expect(circlesOf(graph)).toEqual([]);
  });

  test.each(levels)("sub-folders of %s import downwards only", async (domain, order) => {
    const folder = `domains/${domain}/`;
    const placeOf = (path: string) => {
      for (const [level, names] of order.entries())
        for (const name of names) if (pattern(folder + name).test(path)) return { level, name };
      return { level: -1, name: "" };
    };
    const upwards: string[] = [];
    for (const file of files.filter((one) => one.startsWith(folder)))
      for (const { path } of await importsOf(file)) {
        if (!path.startsWith(folder)) continue;
        const [from, to] = [placeOf(file), placeOf(path)];
        if (to.level < from.level || (to.level === from.level && to.name !== from.name))
          upwards.push(`${file}: ${path}`);
      }
    expect(upwards).toEqual([]);
    const unknown = order.flat().filter((name) => !files.some((file) => pattern(folder + name).test(file)));
    expect(unknown).toEqual([]);
  });

  test("a file has 250 lines at most, a folder 12 files", async () => {
    const long: string[] = [];
    const folders = new Map<string, number>();
    for (const file of files) {
      if ((await Bun.file(join(SRC, file)).text()).split("\n").length - 1 > 250) long.push(file);
      folders.set(dirname(file), (folders.get(dirname(file)) ?? 0) + 1);
    }
    expect(long).toEqual([]);
    const full = [...folders].filter(([, count]) => count > 12).map(([folder]) => folder);
    expect(full).toEqual([]);
  });

  test("a table has one writer", async () => {
    const writers = new Map<string, Set<string>>();
    for (const file of files)
      for (const [, table = ""] of (await Bun.file(join(SRC, file)).text()).matchAll(WRITES)) {
        const owner = file.split("/").slice(0, 2).join("/");
        writers.set(table, (writers.get(table) ?? new Set()).add(owner));
      }
    expect([...writers.keys()]).toContain("inventory_records");
    const shared = [...writers].filter(([, owners]) => owners.size > 1).map(([table]) => table);
    expect(shared.sort()).toEqual([]);
  });

  test("what a file exports is imported by another one", async () => {
    const used = new Map<string, Set<string>>();
    for (const root of ["src", "test", "bench", "scripts"])
      for (const file of new Glob("**/*.ts").scanSync(join(SRC, "..", root))) {
        const folder = dirname(join(SRC, "..", root, file));
        const code = await Bun.file(join(SRC, "..", root, file)).text();
        const use = (specifier: string, names: Iterable<string>) => {
          const path = relative(SRC, join(folder, specifier));
          used.set(path, new Set([...(used.get(path) ?? []), ...names]));
        };
        // The list of domains: app/assemble.ts opens each, app/settings.ts reads its settings.
        for (const [, specifier = ""] of code.matchAll(STARS)) use(specifier, ["open", "settings"]);
        for (const [, name = "", specifier = ""] of code.matchAll(NAMESPACES))
          use(
            specifier,
            [...code.matchAll(new RegExp(`\\b${name}\\.(\\w+)`, "g"))].map((match) => match[1] ?? ""),
          );
        for (const [, names = "", specifier = ""] of [...code.matchAll(IMPORTS), ...code.matchAll(LATER)])
          use(
            specifier,
            names.split(",").map((name) =>
              name
                .trim()
                .replace(/^type /, "")
                .replace(/ as .*$/, ""),
            ),
          );
      }
    const unused: string[] = [];
    for (const file of files)
      for (const [, name = ""] of (await Bun.file(join(SRC, file)).text()).matchAll(EXPORTS))
        if (!used.get(file)?.has(name)) unused.push(`${file}: ${name}`);
    expect(unused).toEqual([]);
  });

  test("a file's first sentence starts with a verb", async () => {
    const silent: string[] = [];
    for (const file of files) if (!OPENING.test(await Bun.file(join(SRC, file)).text())) silent.push(file);
    expect(silent).toEqual([]);
  });

  test("the environment is read in config/ alone", async () => {
    const readers: string[] = [];
    for (const file of files)
      if (/process\.env|Bun\.env|import\.meta\.env/.test(await Bun.file(join(SRC, file)).text())) readers.push(file);
    expect(readers).toEqual(["config/environment.ts"]);
  });

  test("JSON.parse reads what Muster wrote itself; outside JSON goes through values/json/parse.ts", async () => {
    const parsers: string[] = [];
    for (const file of files)
      if (/\bJSON\.parse\(|\.json\(\)/.test(await Bun.file(join(SRC, file)).text())) parsers.push(file);
    expect(parsers).toEqual([...OWN_JSON].sort());
  });

  test("every route of a domain is declared by route(), which reads a body only after the caller was let in", async () => {
    const own: string[] = [];
    for (const file of files.filter((one) => one.startsWith("domains/"))) {
      const code = await Bun.file(join(SRC, file)).text();
      const declares = /\.(get|post|put|patch|delete|head|options|all|route)\(\s*["`](\/|[A-Z]+["`],)/.test(code);
      if (declares || /\bparse:/.test(code)) own.push(file);
    }
    expect(own).toEqual([]);
    const code = await Bun.file(join(SRC, "http/edge/route.ts")).text();
    expect(code.match(/app\.route\(.*\bparse: "none"/g)).toHaveLength(1);
    expect(code.match(/app\.\w+\(/g)).toHaveLength(1);
  });

  test("operators' routes and commands call the verbs of an api, and say who acts", async () => {
    const silent: string[] = [];
    let called = 0;
    for (const file of files.filter((one) => /^(cli\/|domains\/[^/]+\/admin\.ts$)/.test(one))) {
      const code = await Bun.file(join(SRC, file)).text();
      const calls = [...code.matchAll(/\bapi(?:\.\w+)+(?:\[\w+\])?\(\s*([\w$]*)/g)];
      called += calls.length;
      if (calls.some(([, first]) => first !== "actor")) silent.push(file);
    }
    expect(silent).toEqual([]);
    expect(called).toBeGreaterThan(60);
  });

  test("only main.ts ends the process", async () => {
    const enders: string[] = [];
    for (const file of files) if (/process\.exit\(/.test(await Bun.file(join(SRC, file)).text())) enders.push(file);
    expect(enders).toEqual(["main.ts"]);
  });

  test("no folder or file has a name that says nothing", () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc|manager|service|base|types|constants)(\.ts|\/)/;
    expect(files.filter((file) => vague.test(file))).toEqual([]);
  });
});
