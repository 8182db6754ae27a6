// Opens what the noise domain is made of, with a `learn` that draws at once the conclusions that a job draws every hour.
import { openNoiseApi } from "../../src/domains/noise/api.ts";
import { learnAll } from "../../src/domains/noise/learn.ts";
import { openLearned } from "../../src/domains/noise/learned.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Database } from "../../src/ports/database.ts";
import { MUSTER } from "../../src/values/actor.ts";

export function openTestNoise(deps: { database: Database; clock: Clock }) {
  const learned = openLearned(deps);
  const verbs = openNoiseApi({ ...deps, learned });
  return {
    ...learned,
    list: (organization?: string) => verbs.list(MUSTER, organization),
    async learn() {
      await learned.flush({ now: true });
      await learnAll(deps);
      learned.forget();
    },
  };
}
