-- howdah.find_access_key: the secret and the rights of a key, for who verifies signatures; no row where it is unknown or revoked. For the owner.
create or replace function howdah.find_access_key(access_key text) returns table (name text, secret_key text, buckets jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform howdah.need_owner('read access keys');
    return query select k.name, k.secret_key, k.buckets from howdah.access_key k where k.access_key = find_access_key.access_key and k.revoked_at is null;
end $$;
