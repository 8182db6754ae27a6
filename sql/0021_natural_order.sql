-- Names in the order in which people count: branch-2 before branch-10. Numbers of up to nine digits get all nine.

create function natural_order(name text) returns text language sql immutable strict parallel safe as $$
  select regexp_replace(
    regexp_replace(lower(name), '(?<!\d)(\d{1,9})(?!\d)', '000000000\1', 'g'),
    '(?<!\d)0{1,9}(\d{9})(?!\d)', '\1', 'g')
$$;

drop index systems_by_name;
create index systems_by_name on systems (natural_order(name), id);
