// Finds the outliers: values that fewer than 1 % of the systems of a type hold, where most hold one of a few common values.
import type { Queryable } from "../../ports/database.ts";
import { RawJson } from "../../values/json/raw.ts";
import { withFormerName } from "../../values/schema.ts";
import type { OutliersQuery } from "./schema.ts";

/** Below this share of the systems a value is an outlier; from it on it is common. */
const RARE_SHARE = 0.01;
/** A path has outliers when its common values cover this share of the systems: where every system has a value of its own, none is an outlier. */
const NORM_SHARE = 0.5;
const MAX_HOLDERS_SHOWN = 10;

export async function listOutliers(db: Queryable, { type, limit }: OutliersQuery) {
  const systems = await countSystems(db, type);
  // Fewer than 1 % of 100 systems is no system.
  const enough = systems * RARE_SHARE > 1;
  const rows = enough ? await findOutliers(db, type, systems, limit + 1) : [];
  const outliers = rows
    .slice(0, limit)
    .map(({ value, usual, ...row }) => ({ ...row, value: new RawJson(value), usual: new RawJson(usual) }));
  return withFormerName({ type, systems, enough, outliers, more: rows.length > limit }, "outliers", "odd");
}

async function countSystems(db: Queryable, type: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*)::integer as count from fleet_systems where type = $1`,
    [type],
  );
  return row?.count ?? 0;
}

interface OutlierRow {
  path: string;
  value: string;
  count: number;
  usual: string;
  usual_count: number;
  holders: { system_id: string; system_key: string; name: string }[];
}

/**
 * Paths are found by their common values, at most a hundred each, so a path at which every system has a value of its own
 * costs nothing. Only elements without a name (`[]`) can be held twice by one system.
 */
async function findOutliers(db: Queryable, type: string, systems: number, limit: number): Promise<OutlierRow[]> {
  return db.query(
    `with common as materialized (
       select path_id, value, systems from fleet_facts
       where type = $1 and magnitude >= length(to_hex(ceil($2::float8 * ${RARE_SHARE})::integer)) and systems >= $2::float8 * ${RARE_SHARE}
     ), norms as materialized (
       select path_id, max(systems) as usual_count, (array_agg(value order by systems desc, value))[1] as usual
       from common group by path_id having sum(systems) >= $2::float8 * ${NORM_SHARE}
     ), rare as materialized (
       select f.*, n.path_id, n.usual, n.usual_count
       from norms n cross join lateral (
         select id, value, systems from fleet_facts
         where path_id = n.path_id and type = $1 and systems > 0 and systems < $2::float8 * ${RARE_SHARE}
         order by systems, id limit $3
       ) f
       order by f.systems, n.path_id, f.id limit $3
     )
     select p.path, r.value, r.systems as count, r.usual, r.usual_count, h.holders
     from rare r join fleet_paths p on p.id = r.path_id
     cross join lateral (
       select json_agg(json_build_object('system_id', s.id, 'system_key', s.system_key, 'name', s.name) order by one.system_no) as holders
       from (
         select system_no from fleet_holders where path_id = r.path_id and fact_id = r.id order by system_no limit ${MAX_HOLDERS_SHOWN}
       ) one
       join fleet_systems fs on fs.system_no = one.system_no join systems s on s.id = fs.system_id
     ) h
     order by r.systems, p.path, r.value`,
    [type, systems, limit],
  );
}
