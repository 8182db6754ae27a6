-- The elements of arrays on the way to a change, so that anybody replays it over a document whose arrays have another order.

alter table inventory_diffs add column elements json;  -- null for none, and for changes before this column
