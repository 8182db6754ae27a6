// Serves what an appliance may ask of Alertmanager: its own alerts and silences, and nothing of another appliance.
import { isRecord } from "../../values/json/record.ts";
import { postAlerts } from "./receive/post.ts";
import type { PostDeps } from "./receive/post.ts";
import { identityOf } from "./labels/identities.ts";
import { isAlertOf, scopeQuery } from "./labels/scope.ts";
import type { Caller } from "./labels/scope.ts";
import { silenceRequests } from "./silences/requests.ts";
import type { SilenceDeps } from "./silences/requests.ts";

export type Proxy = ReturnType<typeof openProxy>;

export function openProxy(deps: PostDeps & SilenceDeps) {
  const { database, alertmanager, clock } = deps;
  return {
    ...silenceRequests(deps),
    postAlerts: (caller: Caller, body: Uint8Array) => postAlerts(deps, caller, body),

    async listAlerts({ system, signal }: Caller, query: URLSearchParams): Promise<unknown[]> {
      const { tenant } = await identityOf(database, system.id);
      return alertmanager.list(tenant, {
        path: "alerts",
        query: scopeQuery(query, ["active", "silenced", "inhibited", "unprocessed", "receiver"], system.key),
        signal,
        keep: (one) => isAlertOf(one, system.key),
      });
    },

    /** amtool asks for it before anything else. The configuration is left out: it is for operators alone. */
    async status({ system, signal }: Caller): Promise<unknown> {
      const { tenant } = await identityOf(database, system.id);
      const { value } = await alertmanager.call(tenant, { method: "GET", path: "status", signal });
      const told = isRecord(value) ? value : {};
      const version = isRecord(told["versionInfo"]) ? told["versionInfo"] : {};
      const fields = ["branch", "buildDate", "buildUser", "goVersion", "revision", "version"];
      return {
        cluster: { status: "ready", peers: [] },
        config: { original: "" },
        uptime: typeof told["uptime"] === "string" ? told["uptime"] : clock.now().toISOString(),
        versionInfo: Object.fromEntries(fields.map((name) => [name, String(version[name] ?? "")])),
      };
    },
  };
}
