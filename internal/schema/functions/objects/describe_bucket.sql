-- howdah.describe_bucket: what is known about a bucket, without what it holds. Names and settings are no secret.
create or replace function howdah.describe_bucket(bucket text) returns table (versioning text, quota bigint, tags jsonb, created_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    b howdah.bucket := howdah.need_bucket(bucket, null);
begin
    return query select b.versioning, b.quota, b.tags, b.created_at;
end $$;
