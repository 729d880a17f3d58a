-- howdah.put_on_terms: howdah.put where times or a version are stated. With the caller's rights; locks the document's row; primary key.
create or replace function howdah.put_on_terms(collection text, key text, doc jsonb, valid_from timestamptz, if_version bigint,
        expires_at timestamptz, known_at timestamptz) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    v bigint;
begin
    if known_at is not null then
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
    if v is null then
        perform howdah.refuse_version(collection, key, if_version);
    end if;
    return v;
end $$;
