// Sends one request to S3, gives it up after a while, and tells its errors in our words.
import type { S3Client } from "@aws-sdk/client-s3";
import type { Clock } from "../../ports/clock.ts";
import { s3Failure } from "./failures.ts";
import { watchStore } from "./watch.ts";

/** The client with the signal of this call bound to it. */
interface Sender {
  send: S3Client["send"];
}

export type Call = <Result>(ask: (to: Sender) => Promise<Result>) => Promise<Result>;

export function openCall({ client, clock, patienceMs }: { client: S3Client; clock: Clock; patienceMs: number }): Call {
  return async (ask) => {
    const watch = watchStore(clock, patienceMs);
    const send = (command: Parameters<S3Client["send"]>[0]) => client.send(command, { abortSignal: watch.signal });
    try {
      return await ask({ send: send as S3Client["send"] });
    } catch (error) {
      throw s3Failure(watch.reason() ?? error);
    } finally {
      watch.end();
    }
  };
}
