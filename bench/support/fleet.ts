// Makes a fleet of any size with its history, by statements on whole tables, for `bench/scale.ts`.
import { openFlatten } from "../../src/domains/facts/flatten.ts";
import { BUILTIN_RULES } from "../../src/domains/inventory/rules/builtin-rules.ts";
import { openRules } from "../../src/domains/inventory/rules/rules.ts";
import type { JsonObject } from "../../src/values/json/value.ts";
import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";

/** A place in the documents of one type. Every system of the type holds one of its values. */
interface Slot {
  type: "ns8" | "nsec";
  kind: "feature" | "module" | "version";
  name: string;
  values: string[];
}

/** As an installation without a rules file flattens. */
export const FLATTEN = { isNoise: openRules(BUILTIN_RULES).isNoise };
export const RECORDS_PER_SYSTEM = 3;
export const DIFFS_PER_SYSTEM = 10;
const FEATURES = 40;
const MODULES = 15;
/** Three of ten systems are firewalls. */
const TYPE_OF = `case when n % 10 < 7 then 'ns8' else 'nsec' end`;
/** Spread evenly, always the same for one system and slot. */
const DICE = `(hashint4(n * 97 + slot) & 2147483647)`;
const START = `timestamptz '2025-12-01T00:00:00Z'`;

export async function buildFleet(database: PostgresDatabase, systems: number): Promise<void> {
  const slots = describeSlots(systems);
  const run = (sql: string, values: unknown[] = []) =>
    database.transaction(async (tx) => {
      await tx.query("set local statement_timeout = 0");
      await tx.query("set local synchronous_commit = off");
      await tx.query("set local work_mem = '128MB'");
      await tx.query("set local maintenance_work_mem = '512MB'");
      return tx.query(sql, values);
    });

  await run(`create table slots (slot integer, type text, kind text, name text, size integer, primary key (slot))`);
  await run(`create table slot_values (slot integer, ordinal integer, value text, hash bigint, path text)`);
  const rows = slots.flatMap((slot, at) => spell(slot).map((fact, ordinal) => ({ slot: at, ordinal, ...fact })));
  await run(
    `insert into slots select * from unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::integer[])`,
    [
      slots.map((_slot, at) => at),
      slots.map((slot) => slot.type),
      slots.map((slot) => slot.kind),
      slots.map((slot) => slot.name),
      slots.map((slot) => slot.values.length),
    ],
  );
  for (let at = 0; at < rows.length; at += 50_000) {
    const part = rows.slice(at, at + 50_000);
    await run(
      `insert into slot_values select * from unnest($1::integer[], $2::integer[], $3::text[], $4::bigint[], $5::text[])`,
      [
        part.map((row) => row.slot),
        part.map((row) => row.ordinal),
        part.map((row) => row.value),
        part.map((row) => row.hash),
        part.map((row) => row.path),
      ],
    );
  }
  await run(`create unique index on slot_values (slot, ordinal)`);
  await run(`analyze slot_values`);

  await run(
    `insert into systems (id, name, type, fqdn, version, status, organization_id, system_key, created_at, registered_at, last_inventory_at)
     select gen_random_uuid(), 'Branch ' || n, ${TYPE_OF}, 'gw' || n || '.example.org', '8.' || n % 8, 'active', 'org' || n % 50,
       'NOC-' || upper(lpad(to_hex(n), 8, '0')), ${START}, ${START}, ${START} + interval '20 days'
     from generate_series(1, $1::integer) n`,
    [systems],
  );
  await run(`insert into fleet_paths (path) select distinct path from slot_values`);
  await run(
    `insert into fleet_facts (hash, type, path_id, value)
     select distinct v.hash, s.type, p.id, v.value from slot_values v join slots s using (slot) join fleet_paths p on p.path = v.path`,
  );
  // One value in a thousand rolls is the last one, which nobody else has reason to hold.
  await run(
    `create table held as
     select n as system_no, s.type, s.kind, s.name, v.value, v.hash
     from generate_series(1, $1::integer) n join slots s on s.type = ${TYPE_OF}
     join slot_values v on v.slot = s.slot and v.ordinal = case
       when s.size > $1::integer / 2 then n - 1
       when s.size = 1 then 0
       when ${DICE.replaceAll("slot", "s.slot")} % 1000 = 0 then s.size - 1
       else ${DICE.replaceAll("slot", "s.slot")} % (s.size - 1) end`,
    [systems],
  );
  await run(
    `insert into fleet_systems (system_id, system_no, type, facts, truncated) overriding system value
     select s.id, n.no, s.type, h.facts, false
     from (select id, type, substr(system_key, 5)::text as hex from systems) s
     cross join lateral (select ('x' || s.hex)::bit(32)::integer as no) n
     join (select system_no, string_agg(int8send(hash), '') as facts from held group by system_no) h on h.system_no = n.no`,
  );
  await run(`select setval(pg_get_serial_sequence('fleet_systems', 'system_no'), $1::integer)`, [systems]);
  await run(
    `insert into fleet_holders select f.path_id, f.id, h.system_no from held h join fleet_facts f on f.hash = h.hash order by 1, 2, 3`,
  );
  await run(
    `update fleet_facts f set systems = c.n from (select fact_id, count(*)::integer as n from fleet_holders group by 1) c where c.fact_id = f.id`,
  );
  await run(
    `create table documents as
     select h.system_no, json_build_object('installation', case h.type when 'ns8' then 'nethserver' else 'nethsecurity' end, 'facts', json_build_object(
       'distro', json_object_agg('version', h.value::json) filter (where h.kind = 'version'),
       'features', json_object_agg(h.name, h.value::json) filter (where h.kind = 'feature'),
       'modules', json_agg(json_build_object('id', h.name, 'version', h.value::json)) filter (where h.kind = 'module')))::text as data
     from held h group by h.system_no, h.type`,
  );
  await run(
    `insert into inventory_records (id, system_id, received_at, last_seen_at, data, data_hash, data_size, previous_record_id, diffed_at)
     select ids.id, f.system_id, ${START} + k * interval '10 days', ${START} + k * interval '10 days', d.data::json,
       md5(d.data || k), length(d.data), case when k > 0 then uuid_of(f.system_no, k - 1) end, ${START}
     from documents d join fleet_systems f using (system_no) cross join generate_series(0, ${RECORDS_PER_SYSTEM - 1}) k
     cross join lateral (select uuid_of(f.system_no, k) as id) ids`.replace(
      /uuid_of\(([^,]+), ([^)]+)\)/g,
      "md5($1 || '/' || ($2))::uuid",
    ),
  );
  for (let part = 0; part < DIFFS_PER_SYSTEM; part++)
    await run(
      `insert into inventory_diffs (id, system_id, record_id, previous_record_id, detected_at, position, pointer, field_path, change_type,
         category, severity, significant, previous_value, current_value)
       select gen_random_uuid(), f.system_id, md5(f.system_no || '/' || (1 + $1::integer % 2))::uuid, md5(f.system_no || '/' || ($1::integer % 2))::uuid,
         ${START} + (1 + $1::integer % 2) * interval '10 days', $1::integer / 2, '/facts/features/f' || $1, 'facts.features.f' || $1, 'update', 'features',
         (array['low', 'medium', 'high', 'critical'])[1 + (f.system_no + $1::integer) % 4], (f.system_no + $1::integer) % 4 > 0, '"a"', '"b"'
       from fleet_systems f`,
      [part],
    );
  await run(`drop table held, documents, slots, slot_values`);
  await database.query("vacuum analyze", [], { timeoutMs: 600_000 });
}

/** Switches, versions of growing variety, and three values that everybody has for himself. */
function describeSlots(systems: number): Slot[] {
  const upTo = (count: number, text: (at: number) => string) => Array.from({ length: count }, (_, at) => text(at));
  return (["ns8", "nsec"] as const).flatMap((type): Slot[] => [
    { type, kind: "version", name: "version", values: upTo(30, (at) => `8.${at >> 2}.${at % 4}`) },
    ...upTo(FEATURES, (at) => `f${at}`).map((name, at): Slot => ({
      type,
      kind: "feature",
      name,
      values: upTo(2 + (at % 12), (value) => `state${value}`),
    })),
    ...upTo(MODULES, (at) => `module${at}`).map((name, at): Slot => ({
      type,
      kind: "module",
      name,
      values: upTo(3 + at * 2, (value) => `${at}.${value}.0`),
    })),
    ...upTo(3, (at) => `own${at}`).map((name, at): Slot => ({
      type,
      kind: "feature",
      name,
      values: upTo(systems, (value) => `own-${at}-${value}`),
    })),
  ]);
}

/** The facts of a slot's values, as the gateway itself would read them out of a document. */
function spell({ type, kind, name, values }: Slot) {
  const flatten = openFlatten(FLATTEN);
  return values.map((value) => {
    const facts: JsonObject =
      kind === "module"
        ? { modules: [{ id: name, version: value }] }
        : kind === "version"
          ? { distro: { version: value } }
          : { features: { [name]: value } };
    const { hashes, fact } = flatten(type, { facts });
    const hash = hashes.find((one) => fact(one).value === JSON.stringify(value));
    if (hash === undefined) throw new Error(`${name} is not kept`);
    return { hash, ...fact(hash) };
  });
}
