// Puts the files of an upgraded database in the place of the old ones, so that a crash in between loses neither.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "./layout.ts";
import { removeDirectory } from "./layout.ts";
import { syncDirectory } from "./libc.ts";

/** Marks that the new files are complete; from then on they are the database. */
const COMPLETE = "complete";
const OLD_FILES = /^data-\d+-\d{8}T\d{6}Z$/;

/** Layout of the directory where the new files are made. */
export function upgradeLayout({ root, log }: Layout): Layout {
  const place = join(root, ".upgrade");
  return { root: place, files: join(place, "data"), run: join(place, "run"), log };
}

const isUpgraded = (layout: Layout) => existsSync(join(upgradeLayout(layout).root, COMPLETE));

/** Swaps the files; returns the path of the old ones. */
export async function swapFiles(layout: Layout, major: string, stamp: string): Promise<string> {
  const { root } = upgradeLayout(layout);
  const kept = join(layout.root, `data-${major}-${stamp}`);
  syncDirectory(root);
  writeFileSync(join(root, COMPLETE), `${kept}\n`);
  syncDirectory(root);
  await rename(layout.files, kept);
  await finishUpgrade(layout);
  return kept;
}

/** Also completes an upgrade that was interrupted between its last steps; does nothing where there was none. */
export async function finishUpgrade(layout: Layout): Promise<void> {
  const { root, files } = upgradeLayout(layout);
  if (isUpgraded(layout) && !existsSync(layout.files) && existsSync(files)) {
    await rename(files, layout.files);
    syncDirectory(layout.root);
  }
  // Either the new files are in place, or the upgrade was interrupted before it was complete and the old ones are.
  if (existsSync(layout.files) && existsSync(root)) await removeDirectory(root);
}

/** Old files of completed upgrades. */
export const listOldFiles = ({ root }: Layout) =>
  readdirSync(root)
    .filter((name) => OLD_FILES.test(name))
    .map((name) => join(root, name));
