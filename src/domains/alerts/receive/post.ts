// Takes the alerts that an appliance posts: into the queue, or, with ALERTS_FORWARD=direct, to Alertmanager while the appliance waits.
import type { Note } from "../../../domain.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import { identityOf } from "../labels/identities.ts";
import { malformed } from "../malformed.ts";
import type { Caller } from "../labels/scope.ts";
import { refusalOf } from "../upstream/alertmanager.ts";
import type { Alertmanager } from "../upstream/alertmanager.ts";
import type { Acceptance } from "./accept.ts";
import { labelAlerts } from "./label.ts";
import { readAlerts } from "./payload.ts";

export interface PostDeps {
  database: Queryable;
  alertmanager: Alertmanager;
  acceptance: Pick<Acceptance, "accept">;
  /** The appliance gets Alertmanager's own answer. */
  isDirect: boolean;
  /** Rejects with a 429 for a system that sends too many alerts. */
  charge(systemId: string, alerts: number): Promise<void>;
  clock: Clock;
  warn: Note;
}

/** Valid alerts are taken even when others are not: senders do not try again. Then the invalid ones are a Failure 400. */
export async function postAlerts(deps: PostDeps, { system, signal }: Caller, body: Uint8Array): Promise<void> {
  const { database, alertmanager, acceptance, isDirect, charge, clock, warn } = deps;
  const { alerts, faults } = await readAlerts(body, clock.now());
  await charge(system.id, alerts.length);
  if (alerts.length > 0 && !isDirect) await acceptance.accept(system.id, alerts);
  if (alerts.length > 0 && isDirect) {
    const identity = await identityOf(database, system.id);
    const labelled = await labelAlerts(alerts, identity, warn);
    const answer = await alertmanager.call(identity.tenant, {
      method: "POST",
      path: "alerts",
      body: JSON.stringify(labelled),
      signal,
    });
    if (answer.value !== undefined || answer.status !== 200) throw refusalOf(answer);
  }
  if (faults.length > 0) throw malformed(faults.join("; "));
}
