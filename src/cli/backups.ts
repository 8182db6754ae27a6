// muster backups: what is kept of whom, by hand.
import { open, rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import { BackupsQuery } from "../domains/backups/schema.ts";
import type { Backup } from "../domains/backups/schema.ts";
import { Failure } from "../errors.ts";
import { UsageError, action, printable, readOptions, withApp } from "./verb.ts";
import type { Verb } from "./verb.ts";

const list = action({
  flags: { system: "KEY", organization: "ID", state: "kept|damaged|lost", limit: "N", cursor: "C" },
  async run({ json, positionals, ...given }, cli) {
    const query = readOptions(BackupsQuery, given);
    const page = await withApp(cli, (app) => app.backups.list(query));
    if (json) {
      cli.print(JSON.stringify(page));
      return 0;
    }
    if (page.backups.length === 0) cli.print("No backups.");
    for (const backup of page.backups) cli.print(lineOf(backup));
    if (page.next_cursor) cli.say(`More: --cursor ${page.next_cursor}`);
    return 0;
  },
});

/** Nothing appears under the file's name before the whole backup has arrived and has its hash. */
const get = action({
  positionals: ["ID"],
  flags: { output: "FILE" },
  short: { o: "output" },
  hint: 'the bytes into a file, verified; "-" is stdout',
  async run({ positionals, output, json }, cli) {
    const [id = ""] = positionals;
    return withApp(cli, async (app) => {
      const backup = await app.backups.show(id);
      const request = new Request(`http://localhost/api/admin/backups/${backup.id}/content`);
      const response = await app.backups.content(backup.id, request, "command line");
      if (output === "-") {
        if (response.body) await cli.pour(response.body);
        return 0;
      }
      const path = output ?? basename(backup.filename);
      const partial = `${path}.part-${process.pid}`;
      try {
        const sha256 = await writeNew(partial, response);
        if (sha256 !== backup.sha256)
          throw new Failure(
            "backup.damaged",
            502,
            `The backup is damaged: its SHA-256 is ${sha256}, not ${backup.sha256}.`,
          );
        if (await Bun.file(path).exists()) throw new UsageError(`${path} exists already; --output names another file.`);
        await rename(partial, path);
      } finally {
        await rm(partial, { force: true });
      }
      cli.print(
        json ? JSON.stringify({ ...backup, path }) : `${path}: ${backup.size} bytes, SHA-256 ${backup.sha256}.`,
      );
      return 0;
    });
  },
});

async function writeNew(path: string, response: Response): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of response.body ?? []) {
      hasher.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hasher.digest("hex");
}

const setPinned = (verb: "pin" | "unpin", hint = "") =>
  action({
    positionals: ["ID"],
    hint,
    async run({ positionals, json }, cli) {
      const backup = await withApp(cli, (app) => app.backups[verb](positionals[0] ?? ""));
      cli.print(json ? JSON.stringify(backup) : lineOf(backup));
      return 0;
    },
  });

const verify = action({
  positionals: ["[ID]"],
  flags: { all: true },
  hint: "reads it, or every backup, back and compares the SHA-256",
  async run({ positionals, all, json }, cli) {
    if ((positionals[0] === undefined) !== (all === true))
      throw new UsageError("An ID or --all is needed, and one of them.");
    const results = await withApp(cli, async (app) => {
      if (!all) return [await app.backups.verify(positionals[0] ?? "")];
      const verified = [];
      for (let cursor: string | undefined; ;) {
        const page = await app.backups.list({ limit: 200, ...(cursor ? { cursor } : {}) });
        for (const { id } of page.backups) verified.push(await app.backups.verify(id));
        if (page.next_cursor === null) return verified;
        cursor = page.next_cursor;
      }
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

const remove = action({
  positionals: ["ID"],
  flags: { yes: true },
  async run({ positionals, yes, json }, cli) {
    if (!yes) throw new UsageError("This deletes the backup; add --yes to do it.");
    const backup = await withApp(cli, (app) => app.backups.remove(positionals[0] ?? ""));
    cli.print(json ? JSON.stringify(backup) : `Deleted ${backup.id} (${printable(backup.filename)}).`);
    return 0;
  },
});

const sweep = action({
  flags: { force: true },
  hint: "rows without objects, objects without rows",
  async run({ force = false, json }, cli) {
    const swept = await withApp(cli, (app) => app.backups.sweep({ force }));
    if (json) {
      cli.print(JSON.stringify(swept));
      return 0;
    }
    for (const key of swept.orphans) cli.print(`${swept.removed ? "removed" : "kept   "}  ${printable(key)}`);
    for (const id of swept.lost) cli.print(`lost     ${id}`);
    cli.print(
      `${swept.objects} objects; ${swept.orphans.length} without a row; ${swept.lost.length} rows without an object.`,
    );
    if (!swept.removed)
      cli.say("So many cannot come from crashes: is this the right database? --force removes them all the same.");
    return 0;
  },
});

const lineOf = (backup: Backup) =>
  [
    backup.id,
    backup.system_key,
    backup.uploaded_at,
    String(backup.size).padStart(12),
    backup.state.padEnd(7),
    backup.encryption.padEnd(9),
    backup.pinned ? "pinned" : backup.locked_until ? `locked until ${backup.locked_until}` : "-",
    printable(backup.filename),
  ].join("  ");

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
