// Says in words why Muster cannot listen on an address, and which setting names that address.
import { Failure, reasonOf } from "../../errors.ts";
import { addressText } from "../../values/net/address.ts";
import type { ListenAddress } from "../../values/net/address.ts";

export async function listenAs<T>(setting: string, address: ListenAddress, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    const where = addressText(address);
    throw new Failure("listen.refused", 503, `${setting}: ${describe(where, error)}`, { cause: error });
  }
}

function describe(where: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") return `another program listens on ${where}. Stop it, or set another address.`;
  if (code === "EADDRNOTAVAIL") return `this machine has no address ${where}. Set one that it has.`;
  if (code === "EACCES") return `this user may not listen on ${where}. Set a port of 1024 or more, or allow it.`;
  return `Muster cannot listen on ${where}: ${reasonOf(error)}`;
}
