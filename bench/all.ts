// Runs every benchmark of this directory, each in a process of its own, and prints what they found as one JSON array.
import { Glob } from "bun";
import { basename, join } from "node:path";

const results: unknown[] = [];
let failed = false;
for (const file of [...new Glob("*.ts").scanSync(import.meta.dir)].sort()) {
  if (file === basename(import.meta.path)) continue;
  console.error(`${file} …`);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, file)], { stdout: "pipe", stderr: "inherit" });
  const [output, code] = await Promise.all([child.stdout.text(), child.exited]);
  failed ||= code !== 0;
  results.push(
    code === 0
      ? { bench: basename(file, ".ts"), ...JSON.parse(output) }
      : { bench: basename(file, ".ts"), failed: code },
  );
}
console.log(JSON.stringify(results, null, 2));
process.exitCode = failed ? 1 : 0;
