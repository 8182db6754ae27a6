// Holds the environment of this process; no other file reads it.

export type Environment = Record<string, string | undefined>;

/** The process's own environment, for those who read settings from it and those who hand it on. */
export const environment = (): Environment => process.env;
