// Acts in tests that call a verb themselves: an owner of everything.
import type { Actor } from "../../src/values/actor.ts";

export const OWNER: Actor = { kind: "cli", id: "test", name: "test", role: "owner", organizations: "all" };
