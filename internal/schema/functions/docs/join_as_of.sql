-- howdah.join_as_of: for each key and time, by their place from 1, what was known at that time of what was true at that time: the
-- point-in-time join of a list. ttl: older values count as unknown; unknown ones have no row. With known_by: what was known at known_by
-- instead of at each time. One statement, one look at the history's primary key for each place.
-- With the caller's rights: SELECT on docs.<collection>.
create or replace function howdah.join_as_of(collection text, keys text[], times timestamptz[], ttl interval default null, known_by timestamptz default null)
returns table (place bigint, key text, doc jsonb, version bigint, valid_from timestamptz, known_at timestamptz, expires_at timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    perform howdah.need_collection(collection);
    if cardinality(keys) <> cardinality(times) then
        raise exception '% keys and % times', cardinality(keys), cardinality(times)
            using errcode = 'invalid_parameter_value', hint = 'Give one time for each key.';
    elsif ttl < interval '0' then
        raise exception 'ttl is %, negative', ttl using errcode = 'invalid_parameter_value', hint = 'Leave it out (null) for no limit.';
    end if;
    return query execute format('select e.place, d.* from unnest($1, $2) with ordinality e (key, t, place), lateral docs.%I(e.key, e.t, $3%s) d',
        howdah.part_name(collection, case when known_by is null then '_as_of' else '_valid_at' end), case when known_by is null then '' else ', $4' end)
        using keys, times, ttl, known_by;
end $$;
