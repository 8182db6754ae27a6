// Builds one executable with everything in it. `bun run build`: dist/muster, for this machine's architecture;
// `bun run build --arch arm64` (or x64): dist/arm64/muster. Other arguments: entry file, output file.
import { statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { installedServer } from "../src/adapters/postgres/carried/files/unpack.ts";
import { foreignParts } from "./foreign.ts";
import type { Architecture } from "./foreign.ts";
import { packPostgres } from "./pack-postgres.ts";

const root = join(import.meta.dir, "..");
const { values, positionals } = parseArgs({ options: { arch: { type: "string" } }, allowPositionals: true });
const architecture = readArchitecture(values.arch ?? process.arch);
const ownOutfile = values.arch === undefined ? "dist/muster" : `dist/${architecture}/muster`;
const [entry = "src/main.ts", outfile = ownOutfile] = positionals;

const foreign = architecture === process.arch ? undefined : foreignParts(root, architecture);
const native = foreign?.native ?? installedServer();
const archive = await packPostgres(join(root, "dist/embedded"), native, architecture);
const build = await Bun.build({
  entrypoints: [join(root, entry), join(root, "src/domains/inventory/large/worker.ts")],
  // Full minification renames what Elysia reads in the source of its handlers.
  minify: { whitespace: true, syntax: true, identifiers: false },
  sourcemap: "linked",
  bytecode: true,
  format: "esm",
  define: { MUSTER_VERSION: JSON.stringify(packageJson.version) },
  compile: {
    outfile: join(root, outfile),
    ...(foreign && { target: `bun-linux-${architecture}`, executablePath: foreign.bun }),
    assets: [join(root, "sql"), archive],
    // A .env or bunfig.toml in whatever directory it is started from is none of its business.
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
});

for (const message of build.logs) console.error(String(message));
const megabytes = (statSync(join(root, outfile)).size / 1e6).toFixed(1);
console.log(`${outfile} ${packageJson.version}: ${megabytes} MB, with PostgreSQL (${archive.slice(root.length + 1)})`);

function readArchitecture(text: string): Architecture {
  if (text === "x64" || text === "arm64") return text;
  throw new Error(`--arch must be x64 or arm64, got ${JSON.stringify(text)}`);
}
