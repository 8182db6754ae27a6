// Tells apart what a process does with an installation.

/**
 * `serve` owns its data directory and works, `supervise` owns it and lets children work; `child` works for a supervisor; `cli`
 * only asks and tells, beside a server or without one, and `migrate` does so where there may be no installation yet.
 */
export type AppRole = "serve" | "supervise" | "child" | "cli" | "migrate";

export const isCommand = (role: AppRole): boolean => role === "cli" || role === "migrate";

export const POSTGRES_ROLES = {
  serve: "serve",
  supervise: "serve",
  child: "child",
  cli: "cli",
  migrate: "cli",
} as const satisfies Record<AppRole, string>;
