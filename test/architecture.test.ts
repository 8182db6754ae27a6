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
  "domains/alerts/link-failed.ts",
  "domains/backups/upkeep/jobs.ts",
  "domains/inventory/intake/payload.ts",
  // Stored values, and documents that were scanned before.
  "domains/fleet/order.ts",
  "domains/inventory/intake/document.ts",
  "values/json/value.ts",
  // Of one string: a pattern has found where it ends.
  "domains/fleet/query.ts",
  "values/json/pointer.ts",
  // What a thread or a process of ours says.
  "domains/inventory/diff/large.ts",
  "domains/inventory/diff/large-worker.ts",
  "processes/executable.ts",
  // The gateway that is simulated against.
  "simulate/client.ts",
  "values/json/parse.ts",
];

describe("architecture", () => {
  test.each(files)("%s imports only what its layer may", async (file) => {
    const forbidden = (await importsOf(file)).filter((one) => !mayImport(file, one)).map((one) => one.path);
    expect(forbidden).toEqual([]);
  });

  test("no import goes in a circle", async () => {
    const graph = new Map<string, string[]>();
    for (const file of files)
      graph.set(
        file,
        (await importsOf(file)).filter((one) => !one.isType).map((one) => one.path),
      );
    const done = new Set<string>();
    const visit = (file: string, path: string[]): string[] | undefined => {
      if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
      if (done.has(file)) return undefined;
      for (const next of graph.get(file) ?? []) {
        const circle = visit(next, [...path, file]);
        if (circle) return circle;
      }
      done.add(file);
      return undefined;
    };
    expect(files.map((file) => visit(file, [])).find((circle) => circle !== undefined)).toBeUndefined();
  });

  test("the environment is read in config/ alone", async () => {
    const readers: string[] = [];
    for (const file of files)
      if (/process\.env|Bun\.env|import\.meta\.env/.test(await Bun.file(join(SRC, file)).text())) readers.push(file);
    expect(readers).toEqual(["config/index.ts"]);
  });

  test("JSON.parse reads what Muster wrote itself; outside JSON goes through values/json/parse.ts", async () => {
    const parsers: string[] = [];
    for (const file of files)
      if (/\bJSON\.parse\(|\.json\(\)/.test(await Bun.file(join(SRC, file)).text())) parsers.push(file);
    expect(parsers).toEqual([...OWN_JSON].sort());
  });

  test("no route lets the framework read a body, which it would before the request was let in", async () => {
    for (const file of files.filter((one) => one.startsWith("domains/"))) {
      const code = await Bun.file(join(SRC, file)).text();
      const routes = code.match(/\.(post|put|patch|delete)\(\s*["`]\//g) ?? [];
      const guarded = code.match(/\bparse: "none"/g) ?? [];
      expect({ file, guarded: guarded.length }).toEqual({ file, guarded: routes.length });
    }
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
