// Names who acts: every verb of a domain that an operator can reach takes its actor first.

export interface Actor {
  /** `system` is Muster itself, which looks after what it keeps. */
  kind: "person" | "token" | "cli" | "system";
  id: string;
  /** As it is shown to people, and in the log. */
  name: string;
  role: "reader" | "operator" | "admin" | "owner";
  /** Ids of those whose systems the actor may reach, or all of them. */
  organizations: "all" | readonly string[];
}

/** Muster itself. */
export const MUSTER: Actor = { kind: "system", id: "muster", name: "Muster", role: "owner", organizations: "all" };
