-- Names that appliances gave their backups, as they are kept from now on: none that hides a file or looks like an option.

update backups set filename = coalesce(nullif(regexp_replace(filename, '^[.-]+', ''), ''), 'backup-' || id)
where filename ~ '^[.-]';
