// What a machine may ask Alertmanager for: its own alerts and silences, and nothing that could be another's.
import type { Note } from "../../../domain.ts";
import { Failure } from "../../../errors.ts";
import type { Database } from "../../../ports/database.ts";
import type { AuthenticatedSystem } from "../../systems/index.ts";
import { counted } from "../../../values/count.ts";
import { labelAlerts } from "../receive/accept.ts";
import type { Acceptance } from "../receive/accept.ts";
import type { Alertmanager, Answer } from "./alertmanager.ts";
import { malformed } from "../array.ts";
import type { Identity } from "../labels.ts";
import { isRecord, readAlerts } from "../receive/payload.ts";
import { SILENCE_ID, isAlertOf, isSilenceOf, readSilence, scopeFilter } from "../silences/silence.ts";
import { limitSilence } from "../silences/limits.ts";
import type { SilenceLimits } from "../silences/limits.ts";
import { confirmSilence, endSilence, releaseSilence, reserveSilence } from "../silences/store.ts";
import type { NoRoom, SilenceNumbers } from "../silences/store.ts";

export interface ProxyDeps {
  database: Database;
  silences: SilenceLimits & SilenceNumbers;
  alertmanager: Alertmanager;
  acceptance: Pick<Acceptance, "accept">;
  /** Alertmanager's own answer instead of ours. */
  isDirect: boolean;
  /** Rejects with a 429 for a system that sends too many alerts. */
  charge(systemId: string, alerts: number): Promise<void>;
  /** A Failure 401 for a system that is no more. */
  identityOf(systemId: string): Promise<Identity>;
  now(): Date;
  warn: Note;
}

/** One machine's call; `signal` is its connection. */
export interface Caller {
  system: AuthenticatedSystem;
  signal: AbortSignal;
}

export type Proxy = ReturnType<typeof openProxy>;

export function openProxy(deps: ProxyDeps) {
  const { database, silences, alertmanager, acceptance, isDirect, charge, identityOf, now, warn } = deps;
  /** The silence, or a 404 as for one that is not there; somebody else's is noted. */
  const findOwn = async ({ system, signal }: Caller, tenant: string, id: string, purpose: string) => {
    if (!SILENCE_ID.test(id))
      throw malformed(`the silence's id must be a UUID, got ${JSON.stringify(id.slice(0, 80))}`);
    const { status, value } = await alertmanager.call(tenant, { method: "GET", path: `silence/${id}`, signal });
    if (status === 200 && isSilenceOf(value, system.key)) return value;
    if (status === 200)
      warn("A system asked for a silence that is not its own.", { system_key: system.key, silence: id, purpose });
    throw new Failure("alerts.no_silence", 404, `silence ${id} not found`);
  };

  return {
    async listAlerts({ system, signal }: Caller, query: URLSearchParams): Promise<unknown[]> {
      const { tenant } = await identityOf(system.id);
      const asked = scoped(query, ["active", "silenced", "inhibited", "unprocessed", "receiver"], system.key);
      return alertmanager.list(tenant, {
        path: "alerts",
        query: asked,
        signal,
        keep: (one) => isAlertOf(one, system.key),
      });
    },

    async listSilences({ system, signal }: Caller, query: URLSearchParams): Promise<unknown[]> {
      const { tenant } = await identityOf(system.id);
      const asked = scoped(query, [], system.key);
      return alertmanager.list(tenant, {
        path: "silences",
        query: asked,
        signal,
        keep: (one) => isSilenceOf(one, system.key),
      });
    },

    /** Alerts in order are taken even when others are not: their sender does not try again. */
    async postAlerts({ system, signal }: Caller, body: Uint8Array): Promise<void> {
      const { alerts, faults } = await readAlerts(body, now());
      await charge(system.id, alerts.length);
      if (alerts.length > 0 && !isDirect) await acceptance.accept(system.id, alerts);
      if (alerts.length > 0 && isDirect) {
        const identity = await identityOf(system.id);
        const labelled = await labelAlerts(alerts, identity, warn);
        const answer = await alertmanager.call(identity.tenant, {
          method: "POST",
          path: "alerts",
          body: JSON.stringify(labelled),
          signal,
        });
        if (answer.value !== undefined || answer.status !== 200) throw refused(answer);
      }
      if (faults.length > 0) throw malformed(faults.join("; "));
    },

    async postSilence(caller: Caller, given: unknown): Promise<unknown> {
      const silence = limitSilence(readSilence(given, caller.system.key), silences, now());
      const { tenant, organizationId } = await identityOf(caller.system.id);
      if (silence.id !== undefined) await findOwn(caller, tenant, silence.id, "change");
      const wanted = { systemId: caller.system.id, organizationId, replaces: silence.id, endsAt: silence.endsAt };
      const place = await reserveSilence(database, wanted, silences, now());
      if (typeof place !== "string") throw malformed(noRoom(place));
      // Seen to its end though the machine goes away: one that is there and not counted would be one too many.
      const body = JSON.stringify(silence);
      const answer = await alertmanager.call(tenant, { method: "POST", path: "silences", body });
      const silenceID = isRecord(answer.value) ? answer.value["silenceID"] : undefined;
      if (answer.status !== 200 || typeof silenceID !== "string" || !SILENCE_ID.test(silenceID)) {
        await releaseSilence(database, place);
        throw refused(answer);
      }
      await confirmSilence(database, place, wanted, silenceID, now());
      return { silenceID };
    },

    async showSilence(caller: Caller, id: string): Promise<unknown> {
      const { tenant } = await identityOf(caller.system.id);
      return findOwn(caller, tenant, id, "show");
    },

    async deleteSilence(caller: Caller, id: string): Promise<void> {
      const { tenant } = await identityOf(caller.system.id);
      await findOwn(caller, tenant, id, "delete");
      const answer = await alertmanager.call(tenant, {
        method: "DELETE",
        path: `silence/${id}`,
        signal: caller.signal,
      });
      if (answer.status !== 200) throw refused(answer);
      await endSilence(database, caller.system.id, id, now());
    },

    /** What amtool asks before anything else; the configuration is nobody's business. */
    async status({ system, signal }: Caller): Promise<unknown> {
      const { tenant } = await identityOf(system.id);
      const { value } = await alertmanager.call(tenant, { method: "GET", path: "status", signal });
      const told = isRecord(value) ? value : {};
      const version = isRecord(told["versionInfo"]) ? told["versionInfo"] : {};
      const fields = ["branch", "buildDate", "buildUser", "goVersion", "revision", "version"];
      return {
        cluster: { status: "ready", peers: [] },
        config: { original: "" },
        uptime: typeof told["uptime"] === "string" ? told["uptime"] : now().toISOString(),
        versionInfo: Object.fromEntries(fields.map((name) => [name, String(version[name] ?? "")])),
      };
    },
  };
}

function noRoom({ of, kind, most }: NoRoom): string {
  const whose = of === "system" ? "this system" : "its organization";
  return kind === "active"
    ? `${whose} has ${counted(most, "silence that is", "silences that are")} pending or active, which is the most it may have; end one first`
    : `${whose} made ${most} silences that Alertmanager still remembers, which is the most it may have; ended ones go after 5 days`;
}

const MAX_FILTERS = 50;
const MAX_FILTER_CHARACTERS = 4_096;

/** The parameters that are known, read and written anew; ours comes last, and Alertmanager wants all of them to hold. */
function scoped(query: URLSearchParams, names: readonly string[], systemKey: string): URLSearchParams {
  const asked = new URLSearchParams();
  for (const name of names) {
    const value = query.get(name);
    if (value === null || value === "") continue;
    if (name !== "receiver" && value !== "true" && value !== "false")
      throw malformed(`${name} must be true or false, got ${JSON.stringify(value.slice(0, 80))}`);
    asked.append(name, value.slice(0, MAX_FILTER_CHARACTERS));
  }
  const filters = query.getAll("filter");
  if (filters.length > MAX_FILTERS) throw malformed(`more than ${MAX_FILTERS} filters`);
  for (const filter of filters) {
    if (filter.length > MAX_FILTER_CHARACTERS)
      throw malformed(`a filter longer than ${MAX_FILTER_CHARACTERS} characters`);
    asked.append("filter", filter);
  }
  asked.append("filter", scopeFilter(systemKey));
  return asked;
}

/** Alertmanager's own words where it has any. */
function refused({ status, value }: Answer): Failure {
  const said = typeof value === "string" ? value : isRecord(value) ? String(value["message"] ?? "") : "";
  if (status === 200 || status === 404 || said === "")
    return new Failure("upstream.strange", 502, "Alertmanager's answer cannot be read", {
      retryAfterSeconds: 2,
      detail: `it answered ${status}`,
    });
  return new Failure("alerts.refused", 400, said.slice(0, 2_000));
}
