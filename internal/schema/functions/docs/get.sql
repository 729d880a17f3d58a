-- howdah.get: a document, or null where there is none: the newest version, or with as_of what was known at that time of what was
-- true at that time. With the caller's rights: SELECT on docs.<collection>. Primary key, or the history's.
create or replace function howdah.get(collection text, key text, as_of timestamptz default null) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    doc jsonb;
begin
    perform howdah.need_collection(collection);
    if as_of is null then
        execute format('select doc from docs.%I where key = $1 and (expires_at is null or expires_at > statement_timestamp())', collection)
            into doc using key;
    else
        execute format('select doc from docs.%I($1, $2)', howdah.part_name(collection, '_as_of')) into doc using key, as_of;
    end if;
    return doc;
end $$;
