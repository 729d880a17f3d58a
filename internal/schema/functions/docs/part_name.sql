-- howdah.part_name: the name of something that belongs to a collection: its name and a suffix, shortened with a hash
-- where that would be longer than PostgreSQL's 63 bytes. No locks, no tables.
create or replace function howdah.part_name(collection text, suffix text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
    select case when length(collection || suffix) <= 63 then collection || suffix
                else left(collection, 54 - length(suffix)) || '_' || left(md5(collection), 8) || suffix end
$$;
