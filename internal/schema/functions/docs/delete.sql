-- howdah.delete: deletes a document; false where there is none. valid_from: since when there is none (from now on); a time before the
-- newest version's only adds to the history what became known late. if_version and known_at as in howdah.put.
-- With the caller's rights: DELETE and SELECT on docs.<collection>, and UPDATE for a late deletion. Primary key.
create or replace function howdah.delete(collection text, key text, valid_from timestamptz default null, if_version bigint default null,
        known_at timestamptz default null) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    done boolean;
begin
    perform howdah.need_collection(collection);
    if known_at is not null then
        perform howdah.need_given(collection);
    end if;
    -- A late deletion, which the trigger of UPDATE turns into history. At the very moment that it becomes known it is none: from now on.
    if valid_from is not null then
        execute format('update docs.%I d set doc = null, valid_from = $2, version = d.version + 1,
                updated_at = coalesce($4, greatest(d.updated_at, statement_timestamp()))
            where d.key = $1 and d.valid_from > $2 and $2 not in (statement_timestamp(), coalesce($4, greatest(d.updated_at, statement_timestamp())))
                  and ($3 is null or d.version = $3) and (d.expires_at is null or d.expires_at > statement_timestamp())
            returning true', collection) into done using key, valid_from, if_version, known_at;
    end if;
    if done is null then
        if valid_from is not null or known_at is not null then
            perform set_config('howdah.delete', concat(valid_from, ',', known_at), true);
        end if;
        execute format('delete from docs.%I d where d.key = $1 and ($2 is null or d.version = $2)
            returning d.expires_at is null or d.expires_at > statement_timestamp()', collection) into done using key, if_version;
        if valid_from is not null or known_at is not null then
            perform set_config('howdah.delete', '', true);
        end if;
        if done is null and if_version is not null then
            perform howdah.refuse_version(collection, key, if_version);
        end if;
    end if;
    return coalesce(done, false);
end $$;
