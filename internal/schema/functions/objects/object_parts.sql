-- howdah.object_parts: the sizes of the pieces of an object, in their order: the parts of a multipart upload.
create or replace function howdah.object_parts(bucket text, key text, version_id text default null) returns bigint[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    o howdah.object := howdah.find_object(howdah.need_bucket(bucket, 'SELECT'), key, version_id);
begin
    return array(select p.size from unnest(o.pieces) with ordinality u (piece, n) join howdah.piece p using (piece) order by u.n);
end $$;
