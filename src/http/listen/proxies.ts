// Decides whose word about a client's address counts: a trusted proxy's, and nobody else's.
import { BlockList, isIP } from "node:net";
import { overlay } from "./peer.ts";
import type { PeerSource } from "./peer.ts";

/** Addresses and networks of proxies. Nothing is trusted without a name. */
interface TrustedProxies {
  trusts(address: string): boolean;
}

/** `10.0.0.0/8, ::1`, as the configuration has checked it. */
export function readTrustedProxies(text: string): TrustedProxies {
  const list = new BlockList();
  for (const entry of text.split(",")) {
    const [address = "", bits] = entry.trim().split("/");
    const [family, most] = isIP(address) === 6 ? (["ipv6", 128] as const) : (["ipv4", 32] as const);
    list.addSubnet(address, bits === undefined ? most : Number(bits), family);
  }
  return {
    trusts(address) {
      const plain = withoutMapping(address);
      const family = isIP(plain);
      return family !== 0 && list.check(plain, family === 6 ? "ipv6" : "ipv4");
    },
  };
}

/**
 * The server, with `requestIP` as a trusted proxy tells it. X-Forwarded-For is read from its end: each proxy adds whom it
 * heard, so the first one from there that is no proxy of ours is the client; what stands before it, the client wrote himself.
 */
export function throughProxies<Server extends PeerSource>(server: Server, proxies: TrustedProxies | undefined): Server {
  if (!proxies) return server;
  const requestIP = (request: Request) => {
    const peer = server.requestIP(request);
    if (!peer || !proxies.trusts(peer.address)) return peer;
    const told = (request.headers.get("x-forwarded-for") ?? "").split(",").map((one) => withoutPort(one.trim()));
    const client = told.findLast((one) => isIP(one) === 0 || !proxies.trusts(one));
    return client !== undefined && isIP(client) !== 0 ? { ...peer, address: withoutMapping(client) } : peer;
  };
  return overlay(server, { requestIP });
}

/** `::ffff:10.0.0.1` is 10.0.0.1 on a socket of both families. */
const withoutMapping = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, "");

/** `10.0.0.1:443` and `[::1]:443`, as some proxies write. */
const withoutPort = (address: string) =>
  address.replace(/^\[([^\]]+)\](:\d+)?$/, "$1").replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
