// Puts the files of an upgraded database in the place of the old ones, so that a crash in between loses neither.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "./layout.ts";
import { removeDirectory } from "./layout.ts";
import { syncDirectory } from "./libc.ts";

/** Present once everything is in the new files; from then on they are the ones that count. */
const COMPLETE = "complete";
const OLD_FILES = /^data-\d+-\d{8}T\d{6}Z$/;

/** Where the new files are made: a place like the old one. */
export function upgradeLayout({ root, log }: Layout): Layout {
  const place = join(root, ".upgrade");
  return { root: place, files: join(place, "data"), run: join(place, "run"), log };
}

const isUpgraded = (layout: Layout) => existsSync(join(upgradeLayout(layout).root, COMPLETE));

/** Returns where the old files are kept. */
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

/** Also of an upgrade that was cut off between its last steps; nothing where there was none. */
export async function finishUpgrade(layout: Layout): Promise<void> {
  const { root, files } = upgradeLayout(layout);
  if (isUpgraded(layout) && !existsSync(layout.files) && existsSync(files)) {
    await rename(files, layout.files);
    syncDirectory(layout.root);
  }
  // The new ones stand in their place, or an upgrade was cut off before it was complete: the old ones do.
  if (existsSync(layout.files) && existsSync(root)) await removeDirectory(root);
}

/** Of upgrades that are done. */
export const listOldFiles = ({ root }: Layout) =>
  readdirSync(root)
    .filter((name) => OLD_FILES.test(name))
    .map((name) => join(root, name));
