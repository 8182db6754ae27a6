// A system as an operator adds it by the command line.
import type { CreatedSystem } from "../../src/domains/systems/schema.ts";

export function createSystem(muster: string, env: Record<string, string>): CreatedSystem {
  const { exitCode, stdout, stderr } = Bun.spawnSync([muster, "systems", "add", "--name", "Branch 12", "--json"], {
    env,
  });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}
