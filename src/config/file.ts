// Completes the environment of an installed program by the settings of its service.
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Environment } from "./environment.ts";
import { Failure, reasonOf } from "../errors.ts";
import { parseEnvironmentFile } from "./environment-file.ts";

export interface CompletedEnvironment {
  env: Environment;
  /** The file it was completed from. */
  file?: string;
  /** Lines that set no valid name. */
  ignored: string[];
}

export interface Installation {
  /** The executable that runs; undefined for the sources. */
  program: string | undefined;
  /** Where `muster install` and the package put the settings. */
  settings?: string;
}

/** Names the file instead of the installed one's; empty: none is read. */
const FILE_SETTING = "MUSTER_ENV_FILE";
const SETTINGS = "/etc/muster/muster.env";
/** The same as in the service's unit. */
const DATA_DIR = "/var/lib/muster";
/** Where `muster install` and the package put the program. */
const INSTALLED = ["/usr/local/bin", "/usr/bin"];

/** The environment wins over the file, also where a variable is empty. A Failure when the file is there and cannot be read. */
export function completeEnvironment(
  env: Environment,
  { program, settings = SETTINGS }: Installation,
): CompletedEnvironment {
  const named = env[FILE_SETTING];
  if (named === "") return { env, ignored: [] };
  const isInstalled = program !== undefined && INSTALLED.includes(dirname(program)) && isThere(dirname(settings));
  if (named === undefined && !isInstalled) return { env, ignored: [] };
  const file = named ?? settings;
  const text = read(file, named !== undefined);
  const { values, ignored } = parseEnvironmentFile(text ?? "");
  const added = Object.entries(values).filter(([name]) => !isSet(env, name));
  // Child processes inherit all of it: they must not read the file again, which may have changed by then.
  const completed: Environment = { ...Object.fromEntries(added), ...env, [FILE_SETTING]: "" };
  if (named === undefined) completed["DATA_DIR"] ??= DATA_DIR;
  return { env: completed, ignored, ...(text !== undefined && { file }) };
}

/** A secret and the file that holds it are one setting. */
function isSet(env: Environment, name: string): boolean {
  const twin = name.endsWith("_FILE") ? name.slice(0, -"_FILE".length) : `${name}_FILE`;
  return env[name] !== undefined || env[twin] !== undefined;
}

/** Undefined where the installed file is missing: every setting has a default. */
function read(file: string, isNamed: boolean): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" && !isNamed) return undefined;
    const advice =
      code === "EACCES"
        ? `It is for root and the service's own user: "runuser -u muster -- muster …" or sudo. ${FILE_SETTING}= (empty) goes without it.`
        : `${FILE_SETTING} names another file, and empty none.`;
    throw new Failure(
      "settings.unreadable",
      503,
      `The settings in ${file} cannot be read: ${reasonOf(error)}. ${advice}`,
    );
  }
}

function isThere(directory: string): boolean {
  try {
    return statSync(directory).isDirectory();
  } catch {
    return false;
  }
}
