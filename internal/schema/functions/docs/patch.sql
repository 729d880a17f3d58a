-- howdah.patch: merges a patch (RFC 7396) into a document and returns its new version; null where there is no document. The document is
-- read and written under its row's lock. valid_from, if_version and known_at as in howdah.put, but valid_from not before the newest version's.
-- With the caller's rights: UPDATE and SELECT on docs.<collection>. Primary key.
create or replace function howdah.patch(collection text, key text, patch jsonb, valid_from timestamptz default null,
        if_version bigint default null, known_at timestamptz default null) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    v bigint;
    early timestamptz;
begin
    perform howdah.need_collection(collection);
    if jsonb_typeof(patch) is distinct from 'object' then
        perform howdah.check_document(key, patch);
    elsif known_at is not null then
        perform howdah.need_given(collection);
    end if;
    execute format('update docs.%I d set doc = howdah.merge_patch(d.doc, $2), version = d.version + %s,
            valid_from = coalesce($3, greatest($5, d.valid_from)), updated_at = coalesce($5, greatest(d.updated_at, statement_timestamp()))
        where d.key = $1 and ($4 is null or d.version = $4) and (d.expires_at is null or d.expires_at > statement_timestamp())
              and ($3 is null or $3 >= d.valid_from) returning version',
        collection, case when valid_from is null and known_at is null then '0' else '1' end)
        into v using key, patch, valid_from, if_version, known_at;
    if v is null and valid_from is not null then
        execute format('select valid_from from docs.%I where key = $1 and valid_from > $2', collection) into early using key, valid_from;
        if early is not null then
            raise exception 'valid_from % of the patch lies before the newest version''s, %', valid_from, early
                using errcode = 'invalid_parameter_value', hint = 'A patch is made to the newest version. Put the whole document that was true then.';
        end if;
    end if;
    if v is null and if_version is not null then
        perform howdah.refuse_version(collection, key, if_version);
    end if;
    return v;
end $$;
