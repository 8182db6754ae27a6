// Learns which places of documents change day after day, and suppresses those changes as noise.
import type { DomainWith } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import { adminRoutes } from "./admin.ts";
import { openNoiseApi } from "./api.ts";
import type { NoiseApi } from "./api.ts";
import { LEARN_SCHEDULE, learnJob } from "./learn.ts";
import { openLearned } from "./learned.ts";
import type { Learned } from "./learned.ts";
import { placeOf, suppress } from "./suppress.ts";
import type { JudgedChange, Known, NoisePlace } from "./suppress.ts";

export type { JudgedChange, Known, Suppression } from "./suppress.ts";

interface NoiseDeps {
  database: Database;
  clock: Clock;
}

export interface Noise extends NoiseApi, Learned {
  /** The same changes, with those that are noise to that system suppressed. */
  suppress<Change extends JudgedChange>(changes: readonly Change[], known: Known | undefined): Change[];
  placeOf(pointer: string, known: Known | undefined): NoisePlace;
}

export function open({ database, clock }: NoiseDeps): DomainWith<Noise> {
  const learned = openLearned({ database, clock });
  const verbs = openNoiseApi({ database, clock, learned });
  return {
    api: { ...learned, suppress, placeOf, ...verbs },
    adminRoutes: adminRoutes(verbs),
    jobs: [learnJob({ database, clock })],
    schedules: [LEARN_SCHEDULE],
    // There is no later for what was noted; a database that is away loses it.
    stop: () => learned.flush({ now: true }).catch(() => {}),
  };
}
