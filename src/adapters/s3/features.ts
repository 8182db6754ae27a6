// Asks whether the bucket is versioned and has object lock: once, and again after a failure.
import { GetBucketVersioningCommand, GetObjectLockConfigurationCommand } from "@aws-sdk/client-s3";
import type { Call } from "./call.ts";
import { isMissing, isRefused } from "./failures.ts";

interface Features {
  versioned: boolean;
  lockable: boolean;
}

export function openFeatures(call: Call, bucket: string): () => Promise<Features> {
  let known: Features | undefined;
  return async () => {
    known ??= {
      versioned: await ask(
        async () =>
          (await call((to) => to.send(new GetBucketVersioningCommand({ Bucket: bucket })))).Status === "Enabled",
      ),
      lockable: await ask(async () => {
        const { ObjectLockConfiguration: lock } = await call((to) =>
          to.send(new GetObjectLockConfigurationCommand({ Bucket: bucket })),
        );
        return lock?.ObjectLockEnabled === "Enabled";
      }),
    };
    return known;
  };
}

/** A store that does not support the request, or a key that may not make it, counts as "no". */
async function ask(question: () => Promise<boolean>): Promise<boolean> {
  try {
    return await question();
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (isMissing(cause) || isRefused(cause)) return false;
    throw error;
  }
}
