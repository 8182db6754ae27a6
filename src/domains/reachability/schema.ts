// Names the queues of reachability.

/** One job a minute; those on the interval become a tick of LINK_QUEUE. */
export const LINK_TICK_QUEUE = "muster:link-tick";
/** Silences and recoveries of systems, strictly one after the other. */
export const LINK_QUEUE = "muster:link-failures";
