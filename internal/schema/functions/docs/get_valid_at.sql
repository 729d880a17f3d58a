-- howdah.get_valid_at: what is known now (or was known at known_by) of what was true at valid_at; null where there was no document.
-- With the caller's rights: SELECT on docs.<collection>. The history's primary key.
create or replace function howdah.get_valid_at(collection text, key text, valid_at timestamptz, known_by timestamptz default 'infinity') returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    doc jsonb;
begin
    perform howdah.need_collection(collection);
    execute format('select doc from docs.%I($1, $2, null, $3)', howdah.part_name(collection, '_valid_at')) into doc using key, valid_at, known_by;
    return doc;
end $$;
