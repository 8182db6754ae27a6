// Finds the socket that systemd has opened for this process.
import type { Environment } from "./environment.ts";
import { ConfigError } from "./error.ts";

/** SD_LISTEN_FDS_START */
const FIRST_INHERITED = 3;

/** Descriptor of the socket that systemd listens on for this very process (LISTEN_PID, LISTEN_FDS); it cannot be one of several. */
export function inheritedSocket(env: Environment, pid = process.pid): number | undefined {
  if (env["LISTEN_PID"] !== String(pid) || !env["LISTEN_FDS"]) return undefined;
  if (env["LISTEN_FDS"] === "1") return FIRST_INHERITED;
  throw new ConfigError([
    `systemd hands over ${env["LISTEN_FDS"]} sockets; muster.socket must have one ListenStream=.`,
  ]);
}
