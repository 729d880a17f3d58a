-- howdah.scan: documents whose key starts with a prefix, in the order of their keys (by bytes), after a key, at most max_rows of them.
-- With the caller's rights: SELECT on docs.<collection>. Primary key: it reads what it returns, and one page of expired ones more.
create or replace function howdah.scan(collection text, prefix text default '', after text default null, max_rows int default 100)
returns table (key text, doc jsonb, version bigint, valid_from timestamptz, known_at timestamptz, expires_at timestamptz)
language plpgsql stable rows 100 set search_path = pg_catalog, pg_temp as $$
begin
    perform howdah.need_collection(collection);
    perform howdah.check_page(max_rows);
    -- Keys with the prefix lie together from the prefix on, so the first one without it ends them.
    return query execute format('select x.* from (
            select key, doc, version, valid_from, updated_at, expires_at from docs.%I
            where key >= $1 and key > $2 and (expires_at is null or expires_at > statement_timestamp()) order by key limit $3) x
        where starts_with(x.key, $1)', collection) using coalesce(prefix, ''), coalesce(after, ''), max_rows;
end $$;
