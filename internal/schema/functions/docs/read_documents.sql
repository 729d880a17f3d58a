-- howdah.read_documents: whole documents by key, as howdah.get_many finds them; valid_at and known_by as in howdah.get_valid_at. A key
-- without a document has no row, and a key that is asked for twice has one.
-- With the caller's rights: SELECT on docs.<collection>. Primary key, or the history's.
create or replace function howdah.read_documents(collection text, keys text[], as_of timestamptz default null, valid_at timestamptz default null,
        known_by timestamptz default 'infinity')
returns table (key text, doc jsonb, version bigint, valid_from timestamptz, known_at timestamptz, expires_at timestamptz)
language plpgsql stable rows 100 set search_path = pg_catalog, pg_temp as $$
begin
    perform howdah.need_collection(collection);
    if as_of is not null and valid_at is not null then
        raise exception 'as_of and valid_at are both given' using errcode = 'invalid_parameter_value',
            hint = 'as_of asks what was known then about then, valid_at what is known now about then.';
    end if;
    if as_of is null and valid_at is null then
        return query select * from howdah.get_documents(collection, keys);
        return;
    end if;
    return query execute case
        when as_of is not null then
            format('select d.* from (select distinct unnest($1)) k (key), lateral docs.%I(k.key, $2) d', howdah.part_name(collection, '_as_of'))
        else
            format('select d.* from (select distinct unnest($1)) k (key), lateral docs.%I(k.key, $3, null, $4) d', howdah.part_name(collection, '_valid_at'))
        end using keys, as_of, valid_at, known_by;
end $$;
