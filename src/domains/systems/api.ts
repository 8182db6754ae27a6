// Adds, lists, shows, suspends, resumes and erases systems, and makes them new secrets.
import { randomUUIDv7 } from "bun";
import { Failure } from "../../errors.ts";
import { readPage } from "../../http/edge/page.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Actor } from "../../values/actor.ts";
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
import { createSecret, createSystemKey } from "./credentials/secret.ts";
import * as credentials from "./credentials/store.ts";
import * as store from "./store.ts";

/** Unknown keys are a Failure 404. */
export interface SystemsApi {
  add(actor: Actor, input: NewSystem): Promise<CreatedSystem>;
  list(actor: Actor, query: ListQuery): Promise<{ systems: SystemDetail[]; next_cursor: string | null }>;
  /** How many the list would show in all. */
  countListed(actor: Actor, query: Omit<ListQuery, "cursor" | "limit">): Promise<number>;
  /** How many there are, by status. */
  count(actor: Actor): Promise<Record<string, number>>;
  show(actor: Actor, keyOrId: string): Promise<System>;
  /** As `show`, with the system's health. */
  detail(actor: Actor, keyOrId: string): Promise<SystemDetail>;
  suspend(actor: Actor, keyOrId: string): Promise<System>;
  resume(actor: Actor, keyOrId: string): Promise<System>;
  rotate(actor: Actor, keyOrId: string, overlapSeconds: number): Promise<RotatedSecret>;
  oldSecrets(actor: Actor): Promise<OldSecret[]>;
  erase(actor: Actor, keyOrId: string): Promise<System>;
}

interface SystemsApiDeps {
  database: Database;
  clock: Clock;
  keyPrefix: string;
  /** Of all of them at once. */
  healthOf(systemIds: readonly string[]): Promise<Map<string, Health>>;
  /** Forgets queued work of an erased system. */
  discardLane(systemId: string): Promise<unknown>;
  /** What opened for this system opens no longer, or something else does. */
  credentialChanged(systemKey: string): Promise<void>;
}

/** Organization of systems that were added without one. */
const DEFAULT_ORGANIZATION = "default";
const NOT_KNOWN: Health = { score: null, reasons: [] };

export function openSystemsApi({ database, clock, credentialChanged, ...deps }: SystemsApiDeps): SystemsApi {
  const find = async (keyOrId: string): Promise<System> => {
    const system = keyOrId.includes("\0") ? undefined : await store.findSystem(database, keyOrId);
    if (system) return system;
    throw new Failure(
      "systems.unknown",
      404,
      `system not found: no system has the key or id ${JSON.stringify(keyOrId.slice(0, 100))}`,
    );
  };

  const setSuspended = async (keyOrId: string, suspendedAt: Date | null): Promise<System> => {
    const system = await find(keyOrId);
    await store.setSuspended(database, system.system_id, suspendedAt, clock.now());
    await credentialChanged(system.system_key);
    return find(system.system_id);
  };

  const withHealth = async (rows: readonly System[]): Promise<SystemDetail[]> => {
    const health = await deps.healthOf(rows.map((row) => row.system_id));
    return rows.map((row) => ({ ...row, health: health.get(row.system_id) ?? NOT_KNOWN }));
  };

  return {
    async add(_actor, input) {
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

    async list(_actor, { cursor, ...query }) {
      const { rows, next_cursor } = await readPage({
        limit: query.limit,
        cursor,
        keys: ["text", "uuid"],
        read: (after, limit) => store.listSystems(database, { ...query, limit }, after),
        keyOf: (row) => [row.sort_name, row.system_id],
      });
      return { systems: await withHealth(rows.map(({ sort_name, ...system }) => system)), next_cursor };
    },

    countListed: (_actor, query) => store.countListed(database, query),
    count: () => store.countSystems(database),
    show: (_actor, keyOrId) => find(keyOrId),

    async detail(_actor, keyOrId) {
      const system = await find(keyOrId);
      const [detail] = await withHealth([system]);
      return detail ?? { ...system, health: NOT_KNOWN };
    },

    suspend: (_actor, keyOrId) => setSuspended(keyOrId, clock.now()),
    resume: (_actor, keyOrId) => setSuspended(keyOrId, null),

    async rotate(_actor, keyOrId, overlapSeconds) {
      const { system_id, system_key } = await find(keyOrId);
      const secret = createSecret();
      const now = clock.now();
      const oldExpiresAt = overlapSeconds > 0 ? new Date(now.getTime() + overlapSeconds * 1000) : null;
      const row = { systemId: system_id, secretPublic: secret.public, secretSha256: secret.sha256, now, oldExpiresAt };
      await credentials.replaceSecret(database, row);
      await credentialChanged(system_key);
      return {
        system_id,
        system_key,
        system_secret: secret.token,
        old_secret_expires_at: oldExpiresAt?.toISOString() ?? null,
      };
    },

    oldSecrets: () => credentials.listOldSecrets(database, clock.now()),

    async erase(_actor, keyOrId) {
      const system = await find(keyOrId);
      await store.eraseSystem(database, system.system_id, clock.now());
      await credentialChanged(system.system_key);
      await deps.discardLane(system.system_id);
      return system;
    },
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
