// Writes one name of a dotted path (`facts.network."eth0.6"`) so that it can be read back.

/** No dot, blank, quote, slash, bracket, asterisk or sign of comparison: what the query language needs for itself. */
const PLAIN = /^[^\s."'`/\\()[\]{}*=<>!,;|&\u0000-\u001f\u007f-\u009f]+$/;

export const formatSegment = (name: string): string => (PLAIN.test(name) ? name : JSON.stringify(name));
