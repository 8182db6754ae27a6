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

/** Of a domain's own `http/`, what it may use: the edges of a request, not the server. */
const HTTP_FOR_DOMAINS = /^http\/(body|credentials|cursor|envelope|forward|openapi|query|throttle)\.ts$/;

function mayImport(from: string, { path, isType }: Import): boolean {
  const [layer = "", part] = from.split("/");
  const [target = "", targetPart, targetFile] = path.split("/");
  if (target === "values") return layer !== "main.ts";
  switch (layer) {
    case "main.ts":
      return target === "cli" || path === "config.ts";
    case "values":
      return false;
    case "cli":
      return (
        target === "cli" ||
        target === "simulate" ||
        target === "processes" ||
        [
          "app.ts",
          "dumps.ts",
          "config.ts",
          "config-file.ts",
          "config-values.ts",
          "errors.ts",
          "log.ts",
          "http/certificate.ts",
          "import/source.ts",
          "http/query.ts",
          "http/server.ts",
          "adapters/postgres/migrate.ts",
        ].includes(path) ||
        (target === "domains" && ["index.ts", "schema.ts"].includes(targetFile ?? "")) ||
        path === "../package.json" ||
        path.startsWith("../systemd/") ||
        path === "cli/licenses.txt" ||
        (isType && (target === "ports" || path === "import/report.ts"))
      );
    case "import":
      return (
        target === "import" ||
        path.startsWith("adapters/postgres/") ||
        path === "errors.ts" ||
        (isType && (target === "ports" || path === "log.ts" || (target === "domains" && targetFile === "index.ts")))
      );
    case "processes":
      return (
        target === "processes" ||
        ["domain.ts", "errors.ts"].includes(path) ||
        (isType &&
          (target === "http" || target === "jobs" || target === "ports" || ["config.ts", "log.ts"].includes(path)))
      );
    case "simulate":
      return target === "simulate" || path === "errors.ts";
    case "app.ts":
    case "backing.ts":
    case "domains.ts":
    case "dumps.ts":
    case "readiness.ts":
    case "trail.ts":
      return !["cli", "main.ts", "processes", "simulate"].includes(target);
    case "dump":
      return (
        target === "dump" ||
        target === "ports" ||
        path.startsWith("adapters/postgres/") ||
        path === "errors.ts" ||
        (isType && ["domain.ts", "log.ts"].includes(path))
      );
    case "metrics.ts":
      return isType;
    case "domains":
      return (
        (target === "domains" && (targetPart === part || (isType && targetFile === "index.ts"))) ||
        target === "ports" ||
        HTTP_FOR_DOMAINS.test(path) ||
        path === "jobs/batcher.ts" ||
        path === "domain.ts" ||
        path === "errors.ts"
      );
    case "adapters":
      return (
        (target === "adapters" && targetPart === part) ||
        target === "ports" ||
        path === "errors.ts" ||
        (isType && path === "log.ts")
      );
    case "http":
    case "jobs":
      return (
        target === layer ||
        target === "ports" ||
        ["domain.ts", "errors.ts", "log.ts"].includes(path) ||
        (isType && path === "config-values.ts")
      );
    case "config-file.ts":
    case "misspelt.ts":
      return path === "errors.ts" || (isType && path === "config.ts");
    case "config.ts":
      return path === "config-values.ts" || path === "misspelt.ts" || path === "log.ts";
    case "ports":
      return target === "ports" || path === "errors.ts";
    default:
      return target === "ports" || ["errors.ts", "log.ts", "domain.ts"].includes(path);
  }
}

/** Each with whose JSON it reads. */
const OWN_JSON = [
  // Packages that are carried.
  "adapters/postgres/unpack.ts",
  // Payloads of our own jobs.
  "domains/alerts/accept.ts",
  "domains/alerts/deliver.ts",
  "domains/alerts/link-failed.ts",
  "domains/backups/jobs.ts",
  "domains/inventory/payload.ts",
  // Stored values, and documents that were scanned before.
  "domains/fleet/order.ts",
  "domains/inventory/document.ts",
  "domains/inventory/json.ts",
  // Of one string: a pattern has found where it ends.
  "domains/fleet/query.ts",
  "domains/inventory/pointer.ts",
  // What a thread or a process of ours says.
  "domains/inventory/large.ts",
  "domains/inventory/large-worker.ts",
  "processes/executable.ts",
  // The gateway that is simulated against.
  "simulate/client.ts",
  "values/json.ts",
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

  test("the environment is read in config.ts alone", async () => {
    const readers: string[] = [];
    for (const file of files)
      if (/process\.env|Bun\.env|import\.meta\.env/.test(await Bun.file(join(SRC, file)).text())) readers.push(file);
    expect(readers).toEqual(["config.ts"]);
  });

  test("JSON.parse reads what Muster wrote itself; outside JSON goes through values/json.ts", async () => {
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
