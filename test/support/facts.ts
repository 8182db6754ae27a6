// Sends inventories through the real pipeline, and finds facts that are not what they say.
import type { TestApp, TestSystem } from "./app.ts";

export async function sendInventory(muster: TestApp, system: TestSystem, document: unknown): Promise<void> {
  await postInventory(muster, system, document);
  await muster.clock.advance(1000);
  await muster.app.runner.drain();
}

/** Accepted, and not yet worked on. */
export async function postInventory(muster: TestApp, { authorization }: TestSystem, document: unknown): Promise<void> {
  const body = typeof document === "string" ? document : JSON.stringify(document);
  const { status, text } = await muster.request("POST", "/api/systems/inventory", { authorization, body });
  if (status !== 200) throw new Error(text);
}

export const firewall = (facts: object) => ({ installation: "nethsecurity", facts });

/** Sentences on facts that are not what the systems' states say; none when all is true. */
export async function findUntruths({ database }: TestApp): Promise<string[]> {
  const rows = await database.query<{ untruth: string }>(
    `with stated as (
       select distinct s.system_no, ('x' || encode(substr(s.plain, at, 8), 'hex'))::bit(64)::bigint as hash
       from (select system_no, facts || ''::bytea as plain from fleet_systems) s, generate_series(1, length(s.plain), 8) as at
     ), held as (
       select h.system_no, f.hash from fleet_holders h left join fleet_facts f on f.id = h.fact_id and f.path_id = h.path_id
     )
     select 'not held: ' || system_no || ' ' || hash as untruth from (select * from stated except select * from held) a
     union all select 'held and not stated: ' || system_no || ' ' || coalesce(hash::text, '?') from (select * from held except select * from stated) b
     union all select 'counted ' || systems || ' of ' || value from fleet_facts f
       left join (select fact_id, count(*) as held from fleet_holders group by 1) c on c.fact_id = f.id
       where systems <> coalesce(c.held, 0)`,
  );
  return rows.map((row) => row.untruth);
}
