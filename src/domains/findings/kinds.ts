// Names the kinds of findings in inventory_alerts, and decides how each kind ends.

/** Last as long as their cause. An operator cannot end one, only accept it: then it is not raised again while the cause lasts. */
const CONDITIONS = ["version", "advisory"] as const;
export type Condition = (typeof CONDITIONS)[number];

/** Happened once. They are resolved when an operator has seen them, or by age. */
export const EVENTS = ["change", "new_system"] as const;
export type Event = (typeof EVENTS)[number];

/** In the order in which they are documented. */
export const KINDS = ["change", "version", "advisory", "new_system"] as const satisfies (Condition | Event)[];

export const RESOLUTIONS = ["cause_gone", "operator", "accepted", "age"] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** What an operator's "I know" means. */
export const resolutionByOperator = (kind: string): Resolution =>
  CONDITIONS.some((one) => one === kind) ? "accepted" : "operator";
