-- How large the values of a change are, so that a page is filled without reading them; null where a row is older and small.

alter table inventory_diffs add column value_bytes integer;

-- One row that stands for too many changes replaces the whole document. What was before is where the changes before it lead,
-- so it is kept once: as the current value of the row, or the record, that brought it.
update inventory_diffs set previous_value = null, value_bytes = octet_length(current_value::text)
where pointer = '' and change_type = 'update';

update inventory_diffs set value_bytes = coalesce(octet_length(previous_value::text), 0) + coalesce(octet_length(current_value::text), 0)
where value_bytes is null and coalesce(pg_column_size(previous_value), 0) + coalesce(pg_column_size(current_value), 0) > 8000;
