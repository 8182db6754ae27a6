// What every Signals adapter promises.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Log } from "../../src/log.ts";
import type { Signals } from "../../src/ports/signals.ts";
import { testLog } from "../support/run.ts";

export interface SignalsFixture {
  /** Each call is what another process would have. */
  open(log: Log): Promise<Signals>;
  /** Breaks the connections that listen, as a restart of the server does. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

/** The next message of a channel, as a promise. */
export async function nextMessage(signals: Signals, channel: string): Promise<{ message: Promise<string> }> {
  const { promise, resolve } = Promise.withResolvers<string>();
  await signals.subscribe(channel, resolve);
  return { message: promise };
}

export function signalsContract(name: string, open: () => Promise<SignalsFixture>): void {
  describe(`signals contract: ${name}`, () => {
    let fixture: SignalsFixture;
    beforeAll(async () => {
      fixture = await open();
    }, 60_000);
    afterAll(() => fixture.close(), 60_000);

    test("a message reaches every subscriber of every process, the sender's own too", async () => {
      const [here, there] = await Promise.all([fixture.open(testLog), fixture.open(testLog)]);
      const seenHere = await nextMessage(here, "credentials");
      const seenThere = await nextMessage(there, "credentials");
      await here.publish("credentials", "NOC-1");
      expect(await Promise.all([seenHere.message, seenThere.message])).toEqual(["NOC-1", "NOC-1"]);
      await Promise.all([here.close(), there.close()]);
    }, 60_000);

    test("a channel's messages stay in it, come in order, and end with the subscription", async () => {
      const signals = await fixture.open(testLog);
      const seen: string[] = [];
      const two = Promise.withResolvers<void>();
      const unsubscribe = await signals.subscribe('odd "name" – ü', (message) => {
        seen.push(message);
        if (message === "two") two.resolve();
      });
      const last = await nextMessage(signals, "last");
      await signals.publish('odd "name" – ü', "one");
      await signals.publish("elsewhere", "no");
      await signals.publish('odd "name" – ü', "two");
      await two.promise;
      unsubscribe();
      await signals.publish('odd "name" – ü', "three");
      await signals.publish("last", "");
      expect(await last.message).toBe("");
      expect(seen).toEqual(["one", "two"]);
      await signals.close();
    }, 60_000);

    test("after its connection was cut it says so, listens again, and delivers", async () => {
      const signals = await fixture.open(testLog);
      const next = await nextMessage(signals, "credentials");
      const gap = new Promise<void>((resolve) => signals.onGap(resolve));
      await fixture.cut();
      await gap;
      await signals.publish("credentials", "after the gap");
      expect(await next.message).toBe("after the gap");
      await signals.close();
    }, 60_000);

    test("a listener that throws does not keep the message from the others", async () => {
      const lines: string[] = [];
      const signals = await fixture.open({ ...testLog, error: (message) => void lines.push(message) });
      await signals.subscribe("c", () => {
        throw new Error("no");
      });
      const next = await nextMessage(signals, "c");
      await signals.publish("c", "yes");
      expect(await next.message).toBe("yes");
      expect(lines).toEqual(["A listener of a signal failed."]);
      await signals.close();
    }, 60_000);
  });
}
