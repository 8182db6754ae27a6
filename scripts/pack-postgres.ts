// Packs the programs of PostgreSQL for the executable: dist/embedded/postgres-<version>-<hash>.tar.zst.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyServer } from "../src/adapters/postgres/carried/files/unpack.ts";
import type { Architecture } from "./foreign.ts";

const ZSTD_LEVEL = 19;

/** Packs a `native` directory and returns the archive's path. Unchanged input is not packed again: level 19 takes a while. */
export async function packPostgres(directory: string, native: string, architecture: Architecture): Promise<string> {
  const { version }: { version: string } = JSON.parse(readFileSync(join(native, "../package.json"), "utf8"));
  const tar = await tarOf(native);
  const hash = new Bun.CryptoHasher("sha256").update(tar).digest("hex").slice(0, 12);
  const name = `postgres-${version}-${architecture}-${hash}.tar.zst`;
  const path = join(directory, name);
  mkdirSync(directory, { recursive: true });
  const outdated = readdirSync(directory).filter((other) => other.includes(`-${architecture}-`) && other !== name);
  for (const other of outdated) rmSync(join(directory, other));
  if (!existsSync(path)) {
    writeFileSync(`${path}.new`, await Bun.zstdCompress(tar, { level: ZSTD_LEVEL }));
    renameSync(`${path}.new`, path);
  }
  return path;
}

/** The same bytes for the same input, whoever packs and when. */
async function tarOf(native: string): Promise<Uint8Array> {
  const scratch = mkdtempSync(join(tmpdir(), "muster-pack-"));
  try {
    await copyServer(native, scratch);
    const reproducible = [
      "--sort=name",
      "--mtime=@0",
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "--mode=u=rwX,go=rX",
    ];
    const tar = Bun.spawn(["tar", "-C", scratch, ...reproducible, "--format=gnu", "-cf", "-", "."], { stdout: "pipe" });
    const bytes = await tar.stdout.bytes();
    if ((await tar.exited) !== 0) throw new Error("GNU tar could not pack PostgreSQL; its reason is above.");
    return bytes;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
