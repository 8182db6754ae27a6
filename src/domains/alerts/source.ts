// Labels alerts that Muster fires itself like those that appliances post, and puts them into the same outbox.
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Push } from "../../ports/queue.ts";
import { findIdentities, findOrganization } from "./labels/identities.ts";
import type { OrganizationIdentity } from "./labels/identities.ts";
import type { Identity } from "./labels/labels.ts";
import { deliveryPush } from "./outbox/deliver.ts";
import type { Positions } from "./outbox/positions.ts";
import { upsertStates } from "./outbox/store.ts";
import type { AlertState } from "./outbox/store.ts";

/** The state of an alert, firing until its end. The next one of the same subject and fingerprint replaces it. */
export type OwnAlert = Omit<AlertState, "position" | "isOwn">;

export interface AlertSource {
  /** Tenant and labels of the ids that are systems. */
  identifySystems(db: Queryable, systemIds: readonly string[]): Promise<Map<string, Identity>>;
  identifyOrganization(db: Queryable, organizationId: string): Promise<OrganizationIdentity>;
  /** Puts them into the outbox, in the caller's transaction if `db` is one. Their tenants' deliveries must follow. */
  put(db: Queryable, alerts: readonly OwnAlert[]): Promise<void>;
  deliveries(tenants: Iterable<string>): Push[];
}

/** Rows of one statement. */
const ALERTS_PER_STATEMENT = 1_000;

export function openSource({ clock, positions }: { clock: Clock; positions: Positions }): AlertSource {
  return {
    identifySystems: findIdentities,
    identifyOrganization: findOrganization,
    async put(db, alerts) {
      const first = positions.take(alerts.length);
      // One transaction, several statements: by key from the first to the last, as deliveries lock them.
      const states = [...alerts]
        .sort(byKey)
        .map((alert, index) => ({ ...alert, position: first + index, isOwn: true }));
      for (let at = 0; at < states.length; at += ALERTS_PER_STATEMENT)
        await upsertStates(db, states.slice(at, at + ALERTS_PER_STATEMENT), clock.now());
    },
    deliveries: (tenants) => [...tenants].map((tenant) => deliveryPush(tenant)),
  };
}

const keyOf = ({ subject, fingerprint }: OwnAlert) => `${subject}\0${fingerprint}`;
const byKey = (left: OwnAlert, right: OwnAlert) => (keyOf(left) < keyOf(right) ? -1 : 1);
