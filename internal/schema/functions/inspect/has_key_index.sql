-- howdah.has_key_index: whether a topic's table has a valid, complete index that starts with (key, id), which find_ids uses.
create or replace function howdah.has_key_index(t howdah.topic) returns boolean
language sql stable as $$
    select not t.adopted and exists (
        select from pg_catalog.pg_index i
        where i.indrelid = t.source and i.indisvalid and i.indpred is null and i.indnatts >= 2
          and (select a.attname from pg_catalog.pg_attribute a where a.attrelid = i.indrelid and a.attnum = i.indkey[0]) = 'key'
          and (select a.attname from pg_catalog.pg_attribute a where a.attrelid = i.indrelid and a.attnum = i.indkey[1]) = t.id_column)
$$;
revoke execute on function howdah.has_key_index(howdah.topic) from public;
