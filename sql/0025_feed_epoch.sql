-- The epoch of a new change is the newest row of feed_epochs, so that no running gateway alters a table. Until now it was a
-- number that was set as the column's default along with each row, so there is nothing to carry over.

-- Volatile, so that a writer that waited while an epoch began sees it.
create function feed_epoch() returns integer language plpgsql volatile as $$
begin
  return coalesce((select max(epoch) from feed_epochs), 1);
end $$;

alter table inventory_diffs alter column feed_epoch set default feed_epoch();
