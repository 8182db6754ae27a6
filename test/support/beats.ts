// Appliances that beat without a pause and count every request that got no answer: over connections kept alive, and fresh ones.
import { openConnection } from "./socket.ts";
import type { RawConnection } from "./socket.ts";

export interface BeatLoad {
  answered: number;
  /** Refused, reset, cut, or answered with anything but 200. */
  faults: string[];
  /** How often a connection was given up because an answer said so. */
  moved: number;
}

export interface BeatOptions {
  url: string;
  authorization: string;
  keptAlive: number;
  fresh: number;
  signal: AbortSignal;
}

export async function beatWithoutPause({ keptAlive, fresh, ...options }: BeatOptions): Promise<BeatLoad> {
  const load: BeatLoad = { answered: 0, faults: [], moved: 0 };
  await Promise.all([
    ...Array.from({ length: keptAlive }, () => beatOn(options, load, true)),
    ...Array.from({ length: fresh }, () => beatOn(options, load, false)),
  ]);
  return load;
}

type Common = Omit<BeatOptions, "keptAlive" | "fresh">;

async function beatOn({ url, authorization, signal }: Common, load: BeatLoad, isKept: boolean): Promise<void> {
  const head = `POST /api/systems/heartbeat HTTP/1.1\r\nHost: muster\r\nAuthorization: ${authorization}\r\nContent-Length: 0\r\n`;
  let connection: RawConnection | undefined;
  while (!signal.aborted) {
    try {
      connection ??= await openConnection(url);
      connection.write(`${head}${isKept ? "" : "Connection: close\r\n"}\r\n`);
      const { status, headers } = await connection.answer();
      load.answered += 1;
      if (status !== 200) load.faults.push(`status ${status}`);
      if (isKept && headers["connection"] !== "close") continue;
      if (isKept) load.moved += 1;
    } catch (error) {
      load.faults.push(String(error));
    }
    connection?.[Symbol.dispose]();
    connection = undefined;
    await Bun.sleep(2);
  }
  connection?.[Symbol.dispose]();
}
