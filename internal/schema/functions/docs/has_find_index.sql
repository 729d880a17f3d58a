-- howdah.has_find_index: whether a collection has a valid GIN index on its documents. Reads the catalogue by the table.
create or replace function howdah.has_find_index(collection text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select exists (select from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
                   join pg_attribute k on k.attrelid = i.indrelid and k.attnum = i.indkey[0]
                   where i.indrelid = to_regclass(format('docs.%I', collection)) and i.indisvalid and i.indpred is null
                     and a.amname = 'gin' and k.attname = 'doc')
$$;
