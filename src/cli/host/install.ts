// Installs this executable as a systemd service, and uninstalls it: muster install, muster uninstall.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import socket from "../../../systemd/muster.socket" with { type: "text" };
import unit from "../../../systemd/muster.service" with { type: "text" };
import environment from "../../../systemd/muster.env.example" with { type: "text" };
import { Failure, reasonOf } from "../../errors.ts";
import type { Given } from "../arguments.ts";
import { UsageError, action } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";

const USER = "muster";
const PROGRAM = "/usr/local/bin/muster";
const UNIT = "/etc/systemd/system/muster.service";
const SOCKET = "/etc/systemd/system/muster.socket";
const SETTINGS = "/etc/muster/muster.env";
const DATA = "/var/lib/muster";

export const install: Verb = {
  name: "install",
  summary: "Make this executable a systemd service: user, unit, settings.",
  actions: { "": action({ flags: { "dry-run": true, executable: "FILE", root: "DIR" }, run: installAll }) },
  notes: `Makes the user ${USER}, ${PROGRAM}, ${UNIT} and
${SETTINGS} (which it never overwrites), and says what it did. Repeating it upgrades the program and the
unit. --executable installs another file than this program; --root works below DIR instead of /.`,
};

async function installAll(
  { json, executable, ...options }: Given<{ "dry-run": true; executable: "FILE"; root: "DIR" }>,
  cli: Cli,
): Promise<number> {
  const work = openWork(options, cli);
  const source = executable ?? (Bun.isStandaloneExecutable ? process.execPath : undefined);
  if (!source) throw new UsageError("This is not the executable: --executable names it (bun run build makes it).");
  const group = work.user();
  work.copy(resolve(source), PROGRAM);
  work.write(UNIT, unit, 0o644, true);
  // Not enabled: for those who want a port of systemd's, who may have changed its number.
  work.write(SOCKET, socket, 0o644, false);
  work.directory(dirname(SETTINGS), 0o750, group);
  work.write(SETTINGS, environment, 0o640, false, group);
  work.systemctl("daemon-reload");
  work.tell(json, "Start it, now and at every boot: systemctl enable --now muster");
  return 0;
}

export const uninstall: Verb = {
  name: "uninstall",
  summary: "Remove the service and its unit; data and settings only with --purge.",
  actions: { "": action({ flags: { "dry-run": true, purge: true, yes: true, root: "DIR" }, run: uninstallAll }) },
  notes: `Stops the service and removes ${UNIT} and ${PROGRAM}.
--purge --yes removes the settings, the user, and everything kept in ${DATA} too.`,
};

async function uninstallAll(
  { json, purge, yes, ...options }: Given<{ "dry-run": true; purge: true; yes: true; root: "DIR" }>,
  cli: Cli,
): Promise<number> {
  if (purge && !yes && !options["dry-run"])
    throw new UsageError(`--purge erases all data in ${DATA}; add --yes to do it.`);
  const work = openWork(options, cli);
  work.systemctl("disable", "--now", "muster.service", "muster.socket");
  work.remove(UNIT);
  work.remove(SOCKET);
  work.remove(PROGRAM);
  work.systemctl("daemon-reload");
  if (purge) {
    work.remove(dirname(SETTINGS));
    work.remove(DATA);
    work.removeUser();
  }
  work.tell(json, purge ? "Nothing of it is left." : `Kept: ${DATA}, ${dirname(SETTINGS)}, the user ${USER}.`);
  return 0;
}

interface Options {
  "dry-run"?: boolean | undefined;
  root?: string | undefined;
}

/** Does each step, or only prints it; prints only steps that change something. */
function openWork({ "dry-run": isDry = false, root = "/" }: Options, cli: Cli) {
  if (!isDry && process.getuid?.() !== 0)
    throw new Failure("install.root", 403, "Only root can do this; --dry-run shows what.");
  const steps: string[] = [];
  const at = (path: string) => join(root, path);
  const step = (sentence: string, work: () => void) => {
    steps.push(sentence);
    if (isDry) return;
    try {
      work();
    } catch (error) {
      throw new Failure("install.failed", 503, `${sentence} failed: ${reasonOf(error)}`, { cause: error });
    }
  };
  const run = (command: string, ...args: string[]) => {
    const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
    if (error) throw error;
    if (status !== 0) throw new Error(stderr.trim() || `${command} ended with ${status}`);
  };
  /** useradd and userdel read the files below it. */
  const prefix = root === "/" ? [] : ["--prefix", root];
  const idsOf = (name: string) => {
    const line = existsSync(at("/etc/passwd"))
      ? readFileSync(at("/etc/passwd"), "utf8")
          .split("\n")
          .find((one) => one.startsWith(`${name}:`))
      : undefined;
    const [, , uid, gid] = line?.split(":") ?? [];
    return line === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
  };

  return {
    /** The group's number. */
    user(): number {
      if (!idsOf(USER))
        step(`user ${USER}`, () =>
          run(
            "useradd",
            ...prefix,
            "--system",
            "--user-group",
            "--home-dir",
            DATA,
            "--no-create-home",
            "--shell",
            "/usr/sbin/nologin",
            USER,
          ),
        );
      return idsOf(USER)?.gid ?? 0;
    },
    removeUser() {
      if (idsOf(USER)) step(`remove user ${USER}`, () => run("userdel", ...prefix, USER));
    },
    /** Written under another name first: a running program cannot be overwritten, and half of one must never be there. */
    copy(source: string, path: string) {
      if (!existsSync(source)) throw new Failure("install.missing", 404, `${source} is not there.`);
      if (existsSync(at(path)) && isSame(source, at(path))) return;
      step(`${path} from ${source}`, () => {
        mkdirSync(dirname(at(path)), { recursive: true });
        const partial = `${at(path)}.part-${process.pid}`;
        copyFileSync(source, partial);
        chmodSync(partial, 0o755);
        renameSync(partial, at(path));
      });
    },
    directory(path: string, mode: number, gid: number) {
      if (existsSync(at(path))) return;
      step(path, () => {
        mkdirSync(at(path), { recursive: true });
        chmodSync(at(path), mode);
        chownSync(at(path), 0, gid);
      });
    },
    write(path: string, text: string, mode: number, replaces: boolean, gid = 0) {
      if (existsSync(at(path)) && (!replaces || readFileSync(at(path), "utf8") === text)) return;
      step(path, () => {
        mkdirSync(dirname(at(path)), { recursive: true });
        writeFileSync(at(path), text);
        chmodSync(at(path), mode);
        chownSync(at(path), 0, gid);
      });
    },
    remove(path: string) {
      if (existsSync(at(path))) step(`remove ${path}`, () => rmSync(at(path), { recursive: true }));
    },
    /** Where systemd runs; below another root, or in a container without it, there is none. */
    systemctl(...args: string[]) {
      if (root !== "/" || !existsSync("/run/systemd/system")) return;
      if (args[0] === "disable" && !existsSync(UNIT)) return;
      step(`systemctl ${args.join(" ")}`, () => run("systemctl", ...args));
    },
    tell(json: boolean, next: string) {
      if (json) return cli.print(JSON.stringify({ done: isDry ? [] : steps, would_do: isDry ? steps : [] }));
      for (const sentence of steps) cli.print(`${isDry ? "would do" : "done"}: ${sentence}`);
      if (steps.length === 0) cli.print("Nothing to do: it is all there already.");
      if (!isDry) cli.say(next);
    },
  };
}

function isSame(one: string, other: string): boolean {
  if (realpathSync(one) === realpathSync(other)) return true;
  const [left, right] = [readFileSync(one), readFileSync(other)];
  return left.equals(right);
}
