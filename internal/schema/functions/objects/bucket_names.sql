-- howdah.bucket_names: the names of the buckets. Names are no secret.
create or replace function howdah.bucket_names() returns table (bucket text, created_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select b.name, b.created_at from howdah.bucket b order by b.name collate "C"
$$;
