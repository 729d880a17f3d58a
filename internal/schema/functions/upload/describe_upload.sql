-- howdah.describe_upload: what was said when an upload began.
create or replace function howdah.describe_upload(bucket text, key text, upload text) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    u howdah.upload := howdah.find_upload(howdah.need_bucket(bucket, 'INSERT'), key, upload, false);
begin
    return u.info;
end $$;
