// Hides names and passwords that URLs carry, before a text that quotes them is shown.

/** Of a setting's whole text, also where it is not a readable URL: all before its last `@`. */
export function hideUserinfo(text: string): string {
  const [scheme = ""] = /^[a-z][a-z0-9+.-]{0,30}:\/\//i.exec(text) ?? [];
  const isUrl = scheme !== "" || /^[^/\s]*:/.test(text);
  const at = text.lastIndexOf("@");
  return isUrl && at >= scheme.length ? `${scheme}…${text.slice(at)}` : text;
}

/** Of every URL in a sentence. */
export const hideUserinfos = (text: string) => text.replace(/\/\/[^\s/?#"'\\]*@/g, "//…@");
