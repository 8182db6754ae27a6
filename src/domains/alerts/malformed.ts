// Builds the Failure 400 for a request that cannot be read.
import { Failure } from "../../errors.ts";

export const malformed = (reason: string) => new Failure("alerts.malformed", 400, `invalid request body: ${reason}`);
