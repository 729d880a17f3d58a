-- howdah.find: documents that contain a value, such as {"city": "Milwaukee"}, in the order of their keys, after a key, at most max_rows.
-- With the caller's rights: SELECT on docs.<collection>. With howdah.index_collection it reads those that match; without it, it reads on
-- until it has enough.
create or replace function howdah.find(collection text, contains jsonb, after text default null, max_rows int default 100)
returns table (key text, doc jsonb, version bigint, valid_from timestamptz, known_at timestamptz, expires_at timestamptz)
language plpgsql stable rows 100 set search_path = pg_catalog, pg_temp as $$
begin
    perform howdah.need_collection(collection);
    perform howdah.check_page(max_rows);
    if jsonb_typeof(contains) is distinct from 'object' then
        raise exception 'contains is %, not a JSON object', coalesce(jsonb_typeof(contains), 'null')
            using errcode = 'invalid_parameter_value', hint = 'Name the members that a document must have, such as {"city": "Milwaukee"}.';
    end if;
    return query execute format('with found as %s materialized (
            select key, doc, version, valid_from, updated_at, expires_at from docs.%I
            where doc @> $1 and key > $2 and (expires_at is null or expires_at > statement_timestamp()))
        select * from found order by key limit $3', case when howdah.has_find_index(collection) then '' else 'not' end, collection)
        using contains, coalesce(after, ''), max_rows;
end $$;
