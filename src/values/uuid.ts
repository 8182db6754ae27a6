// Tells UUIDs from other texts, and names the one that sorts before all others.

/** Sorts before every id; also stands for "none" where an index needs a value. */
export const NIL_UUID = "00000000-0000-0000-0000-000000000000";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** In the form that Muster itself writes: lower case, with dashes. */
export const isUuid = (text: string): boolean => UUID.test(text);
