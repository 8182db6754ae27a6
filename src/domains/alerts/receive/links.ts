// Decides whether Alertmanager takes a text for the link of an alert: an absolute URL or path, as Go reads one in a request.

/** Linear: each part is looked at once, by what may stand in it. */
export function isLink(text: string): boolean {
  if (/[\x00-\x1f\x7f]/.test(text)) return false;
  if (text === "*") return true;
  const scheme = schemeOf(text);
  if (scheme === undefined) return false;
  const [rest = ""] = text.slice(scheme === "" ? 0 : scheme.length + 1).split("?", 1);
  // With a scheme and no path it is opaque, such as mailto:; a fragment is no part of a request, so # stands in the path.
  if (!rest.startsWith("/")) return scheme !== "";
  if (scheme === "" || !rest.startsWith("//")) return isEscaped(rest);
  const slash = rest.indexOf("/", 2);
  const authority = slash === -1 ? rest.slice(2) : rest.slice(2, slash);
  return isAuthority(authority) && (slash === -1 || isEscaped(rest.slice(slash)));
}

/** Empty where there is none, undefined for a colon without one before it. */
function schemeOf(text: string): string | undefined {
  if (text.startsWith(":")) return undefined;
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1] ?? "";
}

function isAuthority(authority: string): boolean {
  const at = authority.lastIndexOf("@");
  const user = authority.slice(0, Math.max(at, 0));
  return isHost(authority.slice(at + 1)) && /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user) && isEscaped(user);
}

const PORT = /^(:[0-9]*)?$/;
/** Beyond ASCII all may stand in a host. */
const HOST_CHARACTERS = /^[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"%\x80-\u{10ffff}]*$/u;

function isHost(host: string): boolean {
  if (!HOST_CHARACTERS.test(host)) return false;
  if (!host.startsWith("[")) {
    const colon = host.lastIndexOf(":");
    return (colon === -1 || PORT.test(host.slice(colon))) && isHostEscaped(host);
  }
  const end = host.lastIndexOf("]");
  if (end === -1 || !PORT.test(host.slice(end + 1))) return false;
  const zone = host.slice(0, end).indexOf("%25");
  if (zone === -1) return isHostEscaped(host);
  return isHostEscaped(host.slice(0, zone)) && isZone(host.slice(zone, end)) && isHostEscaped(host.slice(end));
}

const isEscaped = (text: string) => !/%(?![0-9A-Fa-f]{2})/.test(text);
/** Of ASCII only the percent sign itself is escaped in a host. */
const isHostEscaped = (text: string) => !/%(?!25|[89A-Fa-f][0-9A-Fa-f])/.test(text);

/** Of an IPv6 address: a percent sign, a blank, and what may stand in a host anyway. */
function isZone(text: string): boolean {
  if (!isEscaped(text)) return false;
  return [...text.matchAll(/%([0-9A-Fa-f]{2})/g)].every(([escape, hex = ""]) => {
    const byte = Number.parseInt(hex, 16);
    return escape === "%25" || byte === 0x20 || (byte < 0x80 && HOST_CHARACTERS.test(String.fromCharCode(byte)));
  });
}
