-- howdah.abort_upload: ends an upload without an object. Its bytes go with the next upkeep.
create or replace function howdah.abort_upload(bucket text, key text, upload text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'INSERT');
    u howdah.upload := howdah.find_upload(b, key, upload, true);
begin
    perform howdah.end_upload(u.upload);
end $$;
