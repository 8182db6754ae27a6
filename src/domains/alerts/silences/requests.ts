// Serves an appliance's requests on its own silences: list, show, create or change, and end.
import type { Note } from "../../../domain.ts";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Database } from "../../../ports/database.ts";
import { counted } from "../../../values/count.ts";
import { isRecord } from "../../../values/json/record.ts";
import { identityOf } from "../labels/identities.ts";
import { malformed } from "../malformed.ts";
import { isSilenceOf, scopeQuery } from "../labels/scope.ts";
import type { Caller } from "../labels/scope.ts";
import { refusalOf } from "../upstream/alertmanager.ts";
import type { Alertmanager } from "../upstream/alertmanager.ts";
import { limitSilence } from "./limits.ts";
import type { SilenceLimits } from "./limits.ts";
import { SILENCE_ID, readSilence } from "./silence.ts";
import { confirmSilence, endSilence, releaseSilence, reserveSilence } from "./store.ts";
import type { Full, SilenceNumbers } from "./store.ts";

export interface SilenceDeps {
  database: Database;
  /** Of silences of appliances. */
  limits: SilenceLimits & SilenceNumbers;
  alertmanager: Alertmanager;
  clock: Clock;
  warn: Note;
}

export function silenceRequests({ database, limits, alertmanager, clock, warn }: SilenceDeps) {
  /** A 404 for a silence of another system, as for one that does not exist; the log tells them apart. */
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
    async listSilences({ system, signal }: Caller, query: URLSearchParams): Promise<unknown[]> {
      const { tenant } = await identityOf(database, system.id);
      return alertmanager.list(tenant, {
        path: "silences",
        query: scopeQuery(query, [], system.key),
        signal,
        keep: (one) => isSilenceOf(one, system.key),
      });
    },

    async postSilence(caller: Caller, given: unknown): Promise<unknown> {
      const silence = limitSilence(readSilence(given, caller.system.key), limits, clock.now());
      const { tenant, organizationId } = await identityOf(database, caller.system.id);
      if (silence.id !== undefined) await findOwn(caller, tenant, silence.id, "change");
      const wanted = { systemId: caller.system.id, organizationId, replaces: silence.id, endsAt: silence.endsAt };
      const reserved = await reserveSilence(database, wanted, limits, clock.now());
      if (typeof reserved !== "string") throw malformed(fullReason(reserved));
      // Completed although the appliance disconnects: otherwise Alertmanager could hold a silence that is not counted.
      const body = JSON.stringify(silence);
      const answer = await alertmanager.call(tenant, { method: "POST", path: "silences", body });
      const silenceID = isRecord(answer.value) ? answer.value["silenceID"] : undefined;
      if (answer.status !== 200 || typeof silenceID !== "string" || !SILENCE_ID.test(silenceID)) {
        await releaseSilence(database, reserved);
        throw refusalOf(answer);
      }
      await confirmSilence(database, reserved, wanted, silenceID, clock.now());
      return { silenceID };
    },

    async showSilence(caller: Caller, id: string): Promise<unknown> {
      const { tenant } = await identityOf(database, caller.system.id);
      return findOwn(caller, tenant, id, "show");
    },

    async deleteSilence(caller: Caller, id: string): Promise<void> {
      const { tenant } = await identityOf(database, caller.system.id);
      await findOwn(caller, tenant, id, "delete");
      const { signal } = caller;
      const answer = await alertmanager.call(tenant, { method: "DELETE", path: `silence/${id}`, signal });
      if (answer.status !== 200) throw refusalOf(answer);
      await endSilence(database, caller.system.id, id, clock.now());
    },
  };
}

function fullReason({ of, kind, most }: Full): string {
  const whose = of === "system" ? "this system" : "its organization";
  return kind === "active"
    ? `${whose} has ${counted(most, "silence that is", "silences that are")} pending or active, which is the most it may have; end one first`
    : `${whose} made ${most} silences that Alertmanager still remembers, which is the most it may have; ended ones go after 5 days`;
}
