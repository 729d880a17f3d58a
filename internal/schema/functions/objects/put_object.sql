-- howdah.put_object: stores an object of SQL clients, in their transaction, and returns its version.
create or replace function howdah.put_object(bucket text, key text, body bytea, content_type text default null, metadata jsonb default '{}') returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
    if body is null then
        raise exception 'the body is null' using errcode = 'null_value_not_allowed', hint = 'An empty object has the body ''''.';
    end if;
    return howdah.store_object(bucket, key,
        array(select substr(body, i * 262144 + 1, 262144) from generate_series(0, (octet_length(body) - 1) / 262144) i where octet_length(body) > 0 order by i),
        jsonb_build_object('md5', md5(body), 'sha256', encode(sha256(body), 'hex'), 'content_type', content_type, 'metadata', metadata)) ->> 'version_id';
end $$;
