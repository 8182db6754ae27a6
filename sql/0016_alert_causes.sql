-- Open alerts are found by their place, and by what their place begins with: in byte order, whatever the database's own order is.

alter table inventory_alerts alter column cause type text collate "C";

-- A place too long for an index was a digest alone; now it keeps its beginning, so that what holds it is recognised.
update inventory_alerts a set cause = left(d.field_path, 300) || '#' || md5(d.field_path)
from inventory_diffs d
where d.id = a.diff_id and a.alert_type = 'change' and octet_length(d.field_path) > 500;

create index inventory_alerts_by_cause on inventory_alerts (system_id, alert_type, cause, seen_at);
