-- howdah.create_upload: begins a multipart upload and returns its name. info is that of howdah.store_object, for the finished object.
create or replace function howdah.create_upload(bucket text, key text, info jsonb default '{}') returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'INSERT');
    n text := replace(gen_random_uuid()::text, '-', '');
begin
    perform howdah.check_key(key);
    insert into howdah.upload (upload, bucket, key, info) values (n, b.number, key, coalesce(info, '{}'));
    return n;
end $$;
