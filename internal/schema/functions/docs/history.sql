-- howdah.history: every version of a document, the newest known first; doc is null where it was deleted. One that became known late is
-- followed by a statement of the newest one again, under the same version.
-- With the caller's rights: SELECT on docs.<collection>. The history's primary key.
create or replace function howdah.history(collection text, key text)
returns table (version bigint, valid_from timestamptz, known_at timestamptz, expires_at timestamptz, doc jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    perform howdah.need_collection(collection);
    return query execute format('select version, valid_from, known_at, expires_at, doc from docs_history.%I where key = $1
        order by known_at desc, valid_from desc', collection) using key;
end $$;
