-- howdah.bucket_stats: what buckets hold: objects, versions, bytes. It reads the buckets that the caller may read; of others it tells all but what is in them.
create or replace function howdah.bucket_stats() returns table (bucket text, objects bigint, versions bigint, bytes bigint, quota bigint,
    versioning text, uploads bigint, created_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select b.name, o.objects, o.versions, o.bytes, b.quota, b.versioning,
           (select count(*) from howdah.upload u where u.bucket = b.number), b.created_at
    from howdah.bucket b left join lateral (
        select count(*) filter (where x.latest and not x.marker) as objects, count(*) as versions, coalesce(sum(x.size), 0)::bigint as bytes
        from howdah.object x where x.bucket = b.number) o on has_table_privilege(howdah.caller(), b.source, 'SELECT')
    order by b.name
$$;
