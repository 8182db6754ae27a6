// Lists, fetches, pins, verifies and deletes backups by hand: muster backups.
import { lstat, open, rename, rm } from "node:fs/promises";
import type { App } from "../../app/open.ts";
import { BackupsQuery } from "../../domains/backups/schema.ts";
import type { Backup } from "../../domains/backups/schema.ts";
import { Failure } from "../../errors.ts";
import type { Actor } from "../../values/actor.ts";
import { counted } from "../../values/count.ts";
import type { Progress } from "../terminal/progress.ts";
import { requireOrganization } from "./owner.ts";
import { PAGED, printTable, readPages, sayRest, timeOf } from "../terminal/table.ts";
import type { Cell } from "../terminal/table.ts";
import { action, changeApp, printable, readOptions, UsageError, withApp } from "../verb.ts";
import type { Verb } from "../verb.ts";

const list = action({
  flags: { system: "KEY", organization: "ID", state: "kept|damaged|lost", ...PAGED },
  async run({ json, positionals, all, ...given }, cli) {
    const query = readOptions(BackupsQuery, given);
    const { page, total } = await withApp(cli, async (app, actor) => {
      await requireOrganization(app, actor, query.organization);
      const page = await readPages(
        query,
        all,
        (asked) => app.api.backups.list(actor, asked),
        (one, next) => ({
          ...next,
          backups: [...one.backups, ...next.backups],
        }),
      );
      return { page, total: page.next_cursor === null ? undefined : await app.api.backups.count(actor, query) };
    });
    if (json) {
      cli.print(JSON.stringify(page));
      return 0;
    }
    if (page.backups.length === 0) cli.print("No backups.");
    else printTable(cli, HEADERS, page.backups.map(rowOf));
    sayRest(cli, page, page.backups.length, total);
    return 0;
  },
});

/** The file gets its name only when the whole backup has arrived and its hash fits. */
const get = action({
  positionals: ["ID"],
  flags: { output: "FILE", force: true },
  short: { o: "output", f: "force" },
  hint: 'into a new file, or over it by force, verified; "-" is stdout',
  async run({ positionals, output, force = false, json }, cli) {
    const [id = ""] = positionals;
    return withApp(cli, async (app, actor) => {
      const backup = await app.api.backups.show(actor, id);
      const path = output ?? backup.filename;
      if (path !== "-") await refuseTaken(path, force);
      const request = new Request(`http://localhost/api/admin/backups/${backup.id}/content`);
      const response = await app.api.backups.content(actor, backup.id, request, "command line");
      const { body, sha256 } = hashed(response);
      if (path === "-") {
        await cli.pour(body);
        requireHash(backup, sha256());
        return 0;
      }
      const partial = `${path}.part-${process.pid}`;
      try {
        await writeNew(partial, body);
        requireHash(backup, sha256());
        // A rename replaces whatever has come there meanwhile; a new file does not.
        if (!force) await createEmpty(path);
        await rename(partial, path);
      } finally {
        await rm(partial, { force: true });
      }
      cli.print(
        json
          ? JSON.stringify({ ...backup, path })
          : `${path}: ${counted(backup.size, "byte")}, SHA-256 ${backup.sha256}.`,
      );
      return 0;
    });
  },
});

async function refuseTaken(path: string, force: boolean): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new UsageError(`${path} is a directory; --output names a file.`);
  if (there && !force) throw taken(path);
}

const taken = (path: string) =>
  new UsageError(`${path} exists already; --output names another file, --force overwrites this one.`);

async function createEmpty(path: string): Promise<void> {
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    throw error instanceof Error && "code" in error && error.code === "EEXIST" ? taken(path) : error;
  });
  await file.close();
}

function requireHash({ sha256 }: Backup, found: string): void {
  if (found === sha256) return;
  throw new Failure("backup.damaged", 502, `The backup is damaged: its SHA-256 is ${found}, not ${sha256}.`);
}

/** Passes the bytes on and computes their SHA-256. */
function hashed(response: Response): { body: ReadableStream<Uint8Array>; sha256(): string } {
  const hasher = new Bun.CryptoHasher("sha256");
  const hashing = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      hasher.update(chunk);
      controller.enqueue(chunk);
    },
  });
  return { body: (response.body ?? new Blob([]).stream()).pipeThrough(hashing), sha256: () => hasher.digest("hex") };
}

async function writeNew(path: string, body: ReadableStream<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of body) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

const setPinned = (verb: "pin" | "unpin", hint = "") =>
  action({
    positionals: ["ID"],
    hint,
    async run({ positionals, json }, cli) {
      const backup = await changeApp(cli, (app, actor) => app.api.backups[verb](actor, positionals[0] ?? ""));
      if (json) cli.print(JSON.stringify(backup));
      else printTable(cli, HEADERS, [rowOf(backup)]);
      return 0;
    },
  });

const verify = action({
  positionals: ["[ID]"],
  flags: { all: true },
  hint: "reads it, or every backup, back and compares the SHA-256",
  async run({ positionals, all, json }, cli) {
    if ((positionals[0] === undefined) !== (all === true)) throw new UsageError("Give either an ID or --all.");
    const results = await changeApp(cli, async (app, actor) => {
      if (!all) return [await app.api.backups.verify(actor, positionals[0] ?? "")];
      return verifyAll(app, actor, cli.progress("Verifying", "backups", json));
    });
    const bad = results.filter((one) => one.state !== "kept");
    if (json) cli.print(JSON.stringify({ verified: results.length, bad }));
    else {
      for (const one of bad) cli.print(`${one.system_key}  ${one.id}  ${one.state}: ${one.finding}`);
      cli.print(`${results.length} verified, ${bad.length} bad.`);
    }
    return bad.length === 0 ? 0 : 1;
  },
});

async function verifyAll({ api: { backups } }: App, actor: Actor, progress: Progress) {
  const verified = [];
  const total = await backups.count(actor, {});
  try {
    for (let cursor: string | undefined; ;) {
      const page = await backups.list(actor, { limit: 200, ...(cursor ? { cursor } : {}) });
      for (const { id } of page.backups) {
        verified.push(await backups.verify(actor, id));
        progress.at(verified.length, total);
      }
      if (page.next_cursor === null) return verified;
      cursor = page.next_cursor;
    }
  } finally {
    progress.end();
  }
}

const remove = action({
  positionals: ["ID"],
  flags: { yes: true },
  async run({ positionals, yes, json }, cli) {
    if (!yes) throw new UsageError("This deletes the backup; add --yes to do it.");
    const backup = await changeApp(cli, (app, actor) => app.api.backups.remove(actor, positionals[0] ?? ""));
    cli.print(json ? JSON.stringify(backup) : `Deleted ${backup.id} (${printable(backup.filename)}).`);
    return 0;
  },
});

const sweep = action({
  flags: { force: true },
  hint: "rows without objects, objects without rows",
  async run({ force = false, json }, cli) {
    const swept = await changeApp(cli, (app, actor) => app.api.backups.sweep(actor, { force }));
    if (json) {
      cli.print(JSON.stringify(swept));
      return 0;
    }
    for (const key of swept.orphans) cli.print(`${swept.removed ? "removed" : "kept   "}  ${printable(key)}`);
    for (const id of swept.lost) cli.print(`lost     ${id}`);
    cli.print(
      `${counted(swept.objects, "object")}; ${swept.orphans.length} without a row; ${counted(swept.lost.length, "row")} without an object.`,
    );
    if (!swept.removed)
      cli.say("These are more than crashes leave behind. Is this the right database? --force removes them anyway.");
    return 0;
  },
});

const HEADERS = ["ID", "SYSTEM", "UPLOADED", "BYTES", "STATE", "ENCRYPTION", "HELD", "FILE"];
const rowOf = (backup: Backup): Cell[] => [
  backup.id,
  backup.system_key,
  timeOf(backup.uploaded_at),
  backup.size,
  backup.state,
  backup.encryption,
  backup.pinned ? "pinned" : backup.locked_until && `locked until ${timeOf(backup.locked_until)}`,
  backup.filename,
];

export const backups: Verb = {
  name: "backups",
  summary: "List, fetch, pin, verify, delete backups; compare the store with the database.",
  actions: {
    list,
    get,
    pin: setPinned("pin", "a pinned backup is kept until it is unpinned"),
    unpin: setPinned("unpin"),
    verify,
    rm: remove,
    sweep,
  },
};
