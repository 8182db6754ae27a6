// Serves an S3 that stores nothing, as fast as it can or, with the argument `slow`, at 20 MB/s. Ends when its stdin closes.
import { openFaultyS3 } from "../../test/support/s3-faults.ts";

const sink = openFaultyS3();
if (process.argv[2] === "slow") sink.fault = "slow";
console.log(sink.endpoint);
await Bun.stdin.text();
sink[Symbol.dispose]();
