-- howdah.get_object: the bytes of an object for SQL clients; an error above 512 MiB, where PostgreSQL's values end.
create or replace function howdah.get_object(bucket text, key text, version_id text default null) returns bytea
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    o howdah.object := howdah.find_object(howdah.need_bucket(bucket, 'SELECT'), key, version_id);
begin
    if o.size > 536870912 then
        raise exception 'object % has % bytes', quote_literal(key), o.size
            using errcode = 'program_limit_exceeded', hint = 'Stream it: the Go API, S3, or `howdah objects cat`.';
    end if;
    return coalesce((select string_agg(c.data, '' order by u.n, c.seq) from unnest(o.pieces) with ordinality u (piece, n) join howdah.chunk c using (piece)), '');
end $$;
