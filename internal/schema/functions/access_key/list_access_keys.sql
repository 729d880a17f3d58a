-- howdah.list_access_keys: the keys of the S3 API, without their secrets. For the owner.
create or replace function howdah.list_access_keys() returns table (name text, access_key text, buckets jsonb, created_at timestamptz, revoked_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform howdah.need_owner('list access keys');
    return query select k.name, k.access_key, k.buckets, k.created_at, k.revoked_at from howdah.access_key k order by k.created_at, k.name;
end $$;
