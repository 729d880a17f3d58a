-- howdah.list_uploads: a page of the uploads of a bucket that are neither completed nor aborted, by key and name. Index: upload_of_bucket.
create or replace function howdah.list_uploads(bucket text, prefix text default '', after_key text default '', after_upload text default '', max_uploads int default 1000)
    returns table (key text, upload text, info jsonb, created_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'INSERT');
begin
    -- Keys with the prefix lie together from the prefix on, so the first one without it ends them.
    return query select x.* from (
            select u.key::text, u.upload, u.info, u.created_at from howdah.upload u
            where u.bucket = b.number and u.key >= prefix and u.key >= after_key
              and (u.key > after_key or after_upload <> '' and u.key = after_key and u.upload > after_upload)
            order by u.key, u.upload limit max_uploads) x (key, upload, info, created_at)
        where starts_with(x.key, prefix);
end $$;
