// Assembles systems: the appliances that may talk to Muster, and their credentials.
import type { DomainWith, Note } from "../../domain.ts";
import type { NoteThrottled } from "../../http/edge/throttle.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database, Queryable } from "../../ports/database.ts";
import type { Limiter } from "../../ports/limiter.ts";
import type { Queue } from "../../ports/queue.ts";
import type { Signals } from "../../ports/signals.ts";
import { adminRoutes } from "./admin.ts";
import { openSystemsApi } from "./api.ts";
import type { SystemsApi } from "./api.ts";
import { openAuthenticator } from "./credentials/authenticate.ts";
import type { Authenticate, AuthenticatedSystem } from "./credentials/authenticate.ts";
import { importErasedSecrets, importSystems } from "./import-store.ts";
import type { ImportedSystem } from "./import-store.ts";
import { admitRegistration, register } from "./credentials/register.ts";
import { applianceRoutes } from "./routes.ts";
import type { Health, System } from "./schema.ts";
import type { SystemsSettings } from "./settings.ts";
import * as statuses from "./status-store.ts";
import * as store from "./store.ts";
import type { SystemFacts } from "./store.ts";

export { settings } from "./settings.ts";
export type { Authenticate, AuthenticatedSystem, Health, ImportedSystem, System, SystemFacts };

interface SystemsDeps {
  database: Database;
  clock: Clock;
  queue: Pick<Queue, "discardLane">;
  limiter: Limiter;
  signals: Signals;
  failuresPerMinute: number;
  note: Note;
  noteThrottled: NoteThrottled;
  settings: SystemsSettings;
  api: {
    /** Of all of them at once. */
    health: { healthOf(systemIds: readonly string[]): Promise<Map<string, Health>> };
  };
}

/** Owns `systems`, `system_status_changes`, `system_suspensions`, `system_secrets` and `erased_secrets`; all others read them. */
export interface Systems extends SystemsApi {
  authenticate: Authenticate;
  /** Returns the ids of those that became active. */
  activate(db: Queryable, heard: readonly { systemId: string; at: Date }[]): Promise<string[]>;
  /** Returns the ids of those that became active though no heartbeat came: resumed or registered after their last one. */
  markActive(now: Date, timeoutMs: number): Promise<string[]>;
  markInactive(evaluatedAt: Date, timeoutMs: number): Promise<number>;
  /** In the caller's transaction, which holds the systems' rows. */
  recordFacts(tx: Queryable, facts: readonly SystemFacts[]): Promise<void>;
  /** Of the service that Muster replaces: by id, "imported", "there" or why it cannot be. */
  importSystems(rows: ImportedSystem[], dryRun: boolean): Promise<Map<string, string>>;
  importErasedSecrets(secrets: { public: string; sha256: string; erasedAt: Date }[]): Promise<void>;
  /** Credentials of its systems open something, or no longer do: every process looks again within a second. */
  organizationChanged(organizationId: string): Promise<void>;
}

/** Says the key of a system whose credential changed. */
export const CREDENTIALS_CHANNEL = "credentials";
/** Says the id of an organization that was suspended or resumed. */
const ORGANIZATIONS_CHANNEL = "organizations";

export function open({ settings, api, ...deps }: SystemsDeps): DomainWith<Systems> {
  const { database, clock, signals } = deps;
  const authenticator = openAuthenticator({
    ...deps,
    cacheTtlMs: settings.cacheTtlMs,
    throttled: (network) => deps.noteThrottled("failed logins of systems", network),
  });
  const unsubscribes: (() => void)[] = [];

  /** Other processes hear it through the signal; this one does not wait for its own echo. */
  const credentialChanged = async (systemKey: string) => {
    authenticator.forget(systemKey);
    await signals.publish(CREDENTIALS_CHANNEL, systemKey);
  };

  const verbs = openSystemsApi({
    database,
    clock,
    keyPrefix: settings.keyPrefix,
    healthOf: (systemIds) => api.health.healthOf(systemIds),
    discardLane: (systemId) => deps.queue.discardLane(systemId),
    credentialChanged,
  });
  const admission = { ...deps, ratePerMinute: settings.registrationsPerMinute };
  const systems: Systems = {
    ...verbs,
    authenticate: authenticator.authenticate,
    activate: statuses.activate,
    markActive: (now, timeoutMs) => statuses.markActive(database, now, timeoutMs),
    markInactive: (evaluatedAt, timeoutMs) => statuses.markInactive(database, evaluatedAt, timeoutMs),
    recordFacts: store.updateFacts,
    importSystems: (rows, dryRun) => importSystems(database, rows, dryRun),
    importErasedSecrets: (secrets) => importErasedSecrets(database, secrets),

    async organizationChanged(organizationId) {
      authenticator.forgetOrganization(organizationId);
      await signals.publish(ORGANIZATIONS_CHANNEL, organizationId);
    },
  };
  return {
    api: systems,
    applianceRoutes: applianceRoutes({
      authenticate: authenticator.authenticate,
      info: (id) => store.findSystemInfo(database, id),
      admitRegistration: (network) => admitRegistration(admission, network),
      async register(token, caller) {
        const registered = await register(deps, token, caller);
        // Its first beat must open, also where one before it was refused a moment ago.
        authenticator.forget(registered.system_key);
        deps.note("A system has registered.", { system_key: registered.system_key, address: caller.address });
        return registered;
      },
      async unregister({ id, key }) {
        await store.unregisterSystem(database, id);
        await credentialChanged(key);
      },
    }),
    adminRoutes: adminRoutes(verbs),

    async start() {
      unsubscribes.push(
        await signals.subscribe(CREDENTIALS_CHANNEL, authenticator.forget),
        await signals.subscribe(ORGANIZATIONS_CHANNEL, authenticator.forgetOrganization),
      );
      signals.onGap(authenticator.forgetAll);
    },
    async stop() {
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
