-- howdah.version_number: the number in a version's name; null for 'null' and for what no version can be called. No locks, no tables.
create or replace function howdah.version_number(version_id text) returns bigint
language sql immutable as $$
    select case when version_id operator(pg_catalog.~) '^[0-7][0-9a-f]{15}$' then ('x' operator(pg_catalog.||) version_id)::pg_catalog.bit(64)::pg_catalog.int8 end
$$;
