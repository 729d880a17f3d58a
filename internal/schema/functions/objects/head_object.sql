-- howdah.head_object: what is known about an object or a version of it.
create or replace function howdah.head_object(bucket text, key text, version_id text default null) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'SELECT');
begin
    return howdah.object_info(howdah.find_object(b, key, version_id), b);
end $$;
