// Turns one look of doctor into a finding; a look that fails is a finding too.
import { reasonOf } from "../../errors.ts";

export interface Finding {
  check: string;
  status: "ok" | "warning" | "failed";
  /** What was found, in one sentence. */
  finding: string;
  /** What to do; absent when all is well. */
  advice?: string;
}

/** What `look` throws is blamed on this check alone, with the advice. */
export async function examine(
  check: string,
  advice: string,
  look: () => Omit<Finding, "check"> | Promise<Omit<Finding, "check">>,
): Promise<Finding> {
  try {
    return { check, ...(await look()) };
  } catch (error) {
    return { check, status: "failed", finding: reasonOf(error), advice };
  }
}
