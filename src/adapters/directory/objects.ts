// Stores objects in a directory: temporary file, fsync, link under the final name, fsync of the directory.
import { constants } from "node:fs";
import { link, mkdir, open, readdir, rm, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkKey, checkPrefix, exactly } from "../../ports/objects.ts";
import type { ObjectStore, StoredObject } from "../../ports/objects.ts";
import { codeOf, conflict, storageFailure } from "./failures.ts";
import { readFile } from "./read.ts";
import { writeFile } from "./write.ts";

/** Directory of bodies that are still being written; no key starts with a dot, so it is never listed. */
const UNFINISHED = ".unfinished";
/** Share of the file system that backups leave free: PostgreSQL may be on it too. */
const KEPT_FREE_SHARE = 0.05;
const KEPT_FREE_MAX_BYTES = 256 * 1024 ** 2;

export function openDirectory(root: string): ObjectStore {
  const pathOf = (key: string) => join(root, checkKey(key));
  const unfinished = join(root, UNFINISHED);

  const put: ObjectStore["put"] = async (key, body, { length }) => {
    const path = pathOf(key);
    const temporary = join(unfinished, crypto.randomUUID());
    try {
      await makeDirectories(unfinished);
      const size = await writeFile(temporary, exactly(body, length));
      await makeDirectories(dirname(path));
      // A rename would replace an existing object; a link fails.
      await link(temporary, path).catch((error) => Promise.reject(codeOf(error) === "EEXIST" ? conflict(key) : error));
      await syncDirectory(dirname(path));
      return size;
    } catch (error) {
      throw storageFailure(error);
    } finally {
      await rm(temporary, { force: true });
    }
  };

  const head = async (key: string): Promise<StoredObject | undefined> => {
    const found = await stat(pathOf(key)).catch(nothing);
    return found?.isFile() ? { key, size: found.size } : undefined;
  };

  /** Names in the order of the keys below them: a directory sorts as its name with a slash. */
  async function* walk(prefix: string): AsyncGenerator<StoredObject, void, undefined> {
    const entries = (await readdir(join(root, prefix), { withFileTypes: true }).catch(nothing)) ?? [];
    const names = entries
      .filter((entry) => !entry.name.startsWith("."))
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .sort((a, b) => (a < b ? -1 : 1));
    for (const name of names) {
      if (name.endsWith("/")) {
        yield* walk(`${prefix}${name}`);
        continue;
      }
      const found = await stat(join(root, prefix, name)).catch(nothing);
      if (found?.isFile()) yield { key: `${prefix}${name}`, size: found.size };
    }
  }

  return {
    describe: `directory ${root}`,
    put,
    get: async (key, range) => readFile(pathOf(key), range).catch(nothing),
    localPath: pathOf,
    head,
    list: (prefix) => walk(checkPrefix(prefix)),

    async remove(key) {
      const path = pathOf(key);
      try {
        await unlink(path);
        await syncDirectory(dirname(path));
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw storageFailure(error);
      }
    },

    async room() {
      const { bavail, blocks, bsize } = await statfs(await nearest(root));
      return Math.max(0, bavail * bsize - Math.min(KEPT_FREE_MAX_BYTES, blocks * bsize * KEPT_FREE_SHARE));
    },

    async clearRemains(before) {
      let cleared = 0;
      for (const name of (await readdir(unfinished).catch(nothing)) ?? []) {
        const path = join(unfinished, name);
        const found = await stat(path).catch(nothing);
        if (!found || found.mtime >= before) continue;
        await rm(path, { force: true });
        cleared += 1;
      }
      return cleared;
    },

    async check() {
      const place = await nearest(root);
      // The first upload creates the directory; until then the check proves that it can be created.
      const probe = join(place === root ? unfinished : place, `.probe-${crypto.randomUUID()}`);
      try {
        if (place === root) await makeDirectories(unfinished);
        await writeFile(probe, onceWritten());
        return undefined;
      } catch (error) {
        throw storageFailure(error);
      } finally {
        await rm(probe, { force: true }).catch(() => {});
      }
    },

    async close() {},
  };

  /** Syncs each new directory's entry in its parent. */
  async function makeDirectories(path: string): Promise<void> {
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
  }
}

async function* onceWritten() {
  yield Buffer.from("probe");
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The directory itself, or the one above it that exists. */
async function nearest(path: string): Promise<string> {
  const found = await stat(path).catch(nothing);
  return found || dirname(path) === path ? path : nearest(dirname(path));
}

function nothing(error: unknown): undefined {
  const code = codeOf(error);
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw storageFailure(error);
}
