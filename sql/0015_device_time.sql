-- When the device says it made the document; null for senders that do not say so.

alter table inventory_records add column device_time timestamptz;
