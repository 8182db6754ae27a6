// Builds dist/muster, one executable with everything in it: `bun run build`. Other arguments: entry file, output file.
import { statSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { packPostgres } from "./pack-postgres.ts";

const root = join(import.meta.dir, "..");
const [entry = "src/main.ts", outfile = "dist/muster"] = process.argv.slice(2);

const archive = await packPostgres(join(root, "dist/embedded"));
const build = await Bun.build({
  entrypoints: [join(root, entry), join(root, "src/domains/inventory/large-worker.ts")],
  // Full minification renames what Elysia reads in the source of its handlers.
  minify: { whitespace: true, syntax: true, identifiers: false },
  sourcemap: "linked",
  bytecode: true,
  format: "esm",
  define: { MUSTER_VERSION: JSON.stringify(packageJson.version) },
  compile: {
    outfile: join(root, outfile),
    assets: [join(root, "sql"), archive],
    // A .env or bunfig.toml in whatever directory it is started from is none of its business.
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
});

for (const message of build.logs) console.error(String(message));
const megabytes = (statSync(join(root, outfile)).size / 1e6).toFixed(1);
console.log(`${outfile} ${packageJson.version}: ${megabytes} MB, with PostgreSQL (${archive.slice(root.length + 1)})`);
