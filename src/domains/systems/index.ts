// Systems: the appliances that may talk to Muster, and their credentials.
import { randomUUIDv7 } from "bun";
import type { Domain, Note } from "../../domain.ts";
import { Failure } from "../../errors.ts";
import type { BodyReader } from "../../http/edge/body.ts";
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import type { NoteThrottled } from "../../http/edge/throttle.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Limiter } from "../../ports/limiter.ts";
import type { Signals } from "../../ports/signals.ts";
import { adminRoutes } from "./admin.ts";
import { openAuthenticator } from "./authenticate.ts";
import type { Authenticate, AuthenticatedSystem } from "./authenticate.ts";
import { bringErased, bringSystems } from "./former.ts";
import type { FormerSystem } from "./former.ts";
import { admitRegistration, register } from "./register.ts";
import { applianceRoutes } from "./routes.ts";
import type {
  CreatedSystem,
  Health,
  ListQuery,
  NewSystem,
  OldSecret,
  RotatedSecret,
  System,
  SystemDetail,
} from "./schema.ts";
import { createSecret, createSystemKey } from "./secret.ts";
import * as store from "./store.ts";

export type { Authenticate, AuthenticatedSystem, FormerSystem, Health, System };

export interface SystemsDeps {
  database: Database;
  limiter: Limiter;
  signals: Signals;
  clock: Clock;
  body: BodyReader;
  /** Forgets queued work of an erased system. */
  discardLane(systemId: string): Promise<unknown>;
  /** Of all of them at once. */
  healthOf(systemIds: readonly string[]): Promise<Map<string, Health>>;
  keyPrefix: string;
  cacheTtlMs: number;
  failuresPerMinute: number;
  registrationsPerMinute: number;
  note: Note;
  noteThrottled: NoteThrottled;
}

/** What routes, the CLI and other domains may ask of systems. Unknown keys are a Failure 404. */
export interface Systems extends Domain {
  authenticate: Authenticate;
  add(input: NewSystem): Promise<CreatedSystem>;
  /** Of the service that Muster replaces: by id, "brought", "there" or why it cannot be. */
  bring(rows: FormerSystem[], dryRun: boolean): Promise<Map<string, string>>;
  bringErased(secrets: { public: string; sha256: string; erasedAt: Date }[]): Promise<void>;
  list(query: ListQuery): Promise<{ systems: SystemDetail[]; next_cursor: string | null }>;
  /** How many the list would show in all. */
  countListed(query: Omit<ListQuery, "cursor" | "limit">): Promise<number>;
  show(keyOrId: string): Promise<System>;
  /** As `show`, with the system's health. */
  detail(keyOrId: string): Promise<SystemDetail>;
  suspend(keyOrId: string): Promise<System>;
  resume(keyOrId: string): Promise<System>;
  rotate(keyOrId: string, overlapSeconds: number): Promise<RotatedSecret>;
  oldSecrets(): Promise<OldSecret[]>;
  unregister(system: AuthenticatedSystem): Promise<void>;
  erase(keyOrId: string): Promise<System>;
  count(): Promise<Record<string, number>>;
  /** Credentials of its systems open something, or no longer do: every process looks again within a second. */
  organizationChanged(organizationId: string): Promise<void>;
}

/** Organisation of systems that were added without one. */
const DEFAULT_ORGANIZATION = "default";
/** Says the key of a system whose credential changed. */
export const CREDENTIALS_CHANNEL = "credentials";
/** Says the id of an organisation that was suspended or resumed. */
const ORGANIZATIONS_CHANNEL = "organizations";

export function openSystems(deps: SystemsDeps): Systems {
  const { database, signals, clock } = deps;
  const authenticator = openAuthenticator({
    ...deps,
    throttled: (network) => deps.noteThrottled("failed logins of systems", network),
  });
  const unsubscribes: (() => void)[] = [];

  /** Other processes hear it through the signal; this one does not wait for its own echo. */
  const credentialChanged = async (systemKey: string) => {
    authenticator.forget(systemKey);
    await signals.publish(CREDENTIALS_CHANNEL, systemKey);
  };

  const show = async (keyOrId: string): Promise<System> => {
    const system = keyOrId.includes("\0") ? undefined : await store.findSystem(database, keyOrId);
    if (system) return system;
    throw new Failure(
      "systems.unknown",
      404,
      `system not found: no system has the key or id ${JSON.stringify(keyOrId.slice(0, 100))}`,
    );
  };

  const setSuspended = async (keyOrId: string, suspendedAt: Date | null): Promise<System> => {
    const system = await show(keyOrId);
    await store.setSuspended(database, system.system_id, suspendedAt, clock.now());
    await credentialChanged(system.system_key);
    return show(system.system_id);
  };

  const withHealth = async (rows: readonly System[]): Promise<SystemDetail[]> => {
    const health = await deps.healthOf(rows.map((row) => row.system_id));
    return rows.map((row) => ({ ...row, health: health.get(row.system_id) ?? { score: null, reasons: [] } }));
  };

  const systems: Systems = {
    authenticate: authenticator.authenticate,

    async add(input) {
      const name = readName("name", input.name);
      const organization_id = readName("organization_id", input.organization_id ?? DEFAULT_ORGANIZATION);
      const secret = createSecret();
      const row = {
        id: randomUUIDv7(),
        name,
        organizationId: organization_id,
        systemKey: createSystemKey(deps.keyPrefix),
      };
      await store.insertSystem(database, {
        ...row,
        secretPublic: secret.public,
        secretSha256: secret.sha256,
        isRegistered: input.registered ?? false,
        now: clock.now(),
      });
      return { system_id: row.id, system_key: row.systemKey, system_secret: secret.token, name, organization_id };
    },

    bring: (rows, dryRun) => bringSystems(database, rows, dryRun),
    bringErased: (secrets) => bringErased(database, secrets),

    async list({ cursor, ...query }) {
      const after = decodeCursor(cursor, ["text", "uuid"]);
      const rows = await store.listSystems(database, query, after);
      const last = rows.length === query.limit ? rows.at(-1) : undefined;
      return {
        systems: await withHealth(rows.map(({ sort_name, ...system }) => system)),
        next_cursor: last ? encodeCursor(last.sort_name, last.system_id) : null,
      };
    },

    countListed: (query) => store.countListed(database, query),

    show,
    async detail(keyOrId) {
      const system = await show(keyOrId);
      const [detail] = await withHealth([system]);
      return detail ?? { ...system, health: { score: null, reasons: [] } };
    },
    suspend: (keyOrId) => setSuspended(keyOrId, clock.now()),
    resume: (keyOrId) => setSuspended(keyOrId, null),

    async rotate(keyOrId, overlapSeconds) {
      const system = await show(keyOrId);
      const secret = createSecret();
      const now = clock.now();
      const oldExpiresAt = overlapSeconds > 0 ? new Date(now.getTime() + overlapSeconds * 1000) : null;
      const row = {
        systemId: system.system_id,
        secretPublic: secret.public,
        secretSha256: secret.sha256,
        now,
        oldExpiresAt,
      };
      await store.replaceSecret(database, row);
      await credentialChanged(system.system_key);
      return {
        system_id: system.system_id,
        system_key: system.system_key,
        system_secret: secret.token,
        old_secret_expires_at: oldExpiresAt?.toISOString() ?? null,
      };
    },

    oldSecrets: () => store.listOldSecrets(database, clock.now()),

    async unregister({ id, key }) {
      await store.unregisterSystem(database, id);
      await credentialChanged(key);
    },

    async erase(keyOrId) {
      const system = await show(keyOrId);
      await store.eraseSystem(database, system.system_id, clock.now());
      await credentialChanged(system.system_key);
      await deps.discardLane(system.system_id);
      return system;
    },

    count: () => store.countSystems(database),

    async organizationChanged(organizationId) {
      authenticator.forgetOrganization(organizationId);
      await signals.publish(ORGANIZATIONS_CHANNEL, organizationId);
    },

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

  const admission = { ...deps, ratePerMinute: deps.registrationsPerMinute };
  return {
    ...systems,
    applianceRoutes: applianceRoutes({
      authenticate: systems.authenticate,
      unregister: systems.unregister,
      body: deps.body,
      info: (id) => store.findSystemInfo(database, id),
      admitRegistration: (network) => admitRegistration(admission, network),
      async register(token, caller) {
        const registered = await register(deps, token, caller);
        // Its first beat must open, also where one before it was refused a moment ago.
        authenticator.forget(registered.system_key);
        deps.note("A system has registered.", { system_key: registered.system_key, address: caller.address });
        return registered;
      },
    }),
    adminRoutes: adminRoutes(systems, deps.body),
  };
}

/** One line of text: names are shown in lists, logs and on terminals. */
function readName(field: string, given: string): string {
  const name = given.toWellFormed().trim();
  if (name !== "" && !/\p{Cc}/u.test(name)) return name;
  const fault = `must be a line of text, got ${JSON.stringify(given.slice(0, 80))}`;
  throw new Failure("systems.name", 400, `invalid request body: ${field} ${fault}`, {
    data: { faults: { [field]: fault } },
  });
}
