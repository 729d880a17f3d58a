-- howdah.put: stores a document under its key and returns its version. valid_from: since when it is true; from now on where it is
-- null, and a time before the newest version's adds to the history what became known late. if_version: only if that is its version
-- now, 0: only if there is none; else error HW005. known_at: only in a collection whose times are given.
-- With the caller's rights: INSERT, UPDATE and SELECT on docs.<collection>. Locks the document's row; primary key.
create or replace function howdah.put(collection text, key text, doc jsonb, valid_from timestamptz default null,
        if_version bigint default null, expires_at timestamptz default null, known_at timestamptz default null) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    v bigint;
begin
    perform howdah.need_collection(collection);
    if key is null or octet_length(key) not between 1 and 1024 or doc is null or jsonb_typeof(doc) <> 'object' then
        perform howdah.check_document(key, doc);
    elsif known_at is not null then
        perform howdah.need_given(collection);
    end if;
    execute format(case
            when coalesce(if_version, 0) > 0 then
                'update docs.%I d set doc = $2, expires_at = $4, version = d.version + %s,
                        valid_from = coalesce($3, greatest($5, d.valid_from)), updated_at = coalesce($5, greatest(d.updated_at, statement_timestamp()))
                    where d.key = $1 and d.version = $6 and (d.expires_at is null or d.expires_at > statement_timestamp()) returning version'
            else
                'insert into docs.%I as d (key, doc, valid_from, expires_at, updated_at)
                    values ($1, $2, coalesce($3, $5, statement_timestamp()), $4, coalesce($5, statement_timestamp()))
                    on conflict (key) do update set doc = excluded.doc, expires_at = excluded.expires_at, version = d.version + %s,
                        valid_from = coalesce($3, greatest($5, d.valid_from)), updated_at = coalesce($5, greatest(d.updated_at, statement_timestamp()))
                    where $6 is null or d.expires_at <= statement_timestamp() returning version'
            end, collection, case when valid_from is null and known_at is null then '0' else '1' end)
        into v using key, doc, valid_from, expires_at, known_at, if_version;
    if v = 1 and current_setting('howdah.mended', true) <> '' then
        v := howdah.take_mended(collection, key, v);        -- the key has been there before
    elsif v is null then
        perform howdah.refuse_version(collection, key, if_version);
    end if;
    return v;
end $$;
