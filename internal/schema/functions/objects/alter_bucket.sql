-- howdah.alter_bucket: changes versioning ('enabled' or 'suspended'), quota in bytes (0: none) and tags. Null leaves a value as it is.
-- Locks: the bucket's row against all writers, to the end of the transaction.
create or replace function howdah.alter_bucket(bucket text, versioning text default null, quota bigint default null, tags jsonb default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, null);
begin
    perform howdah.need_owner('alter buckets');
    if versioning not in ('enabled', 'suspended') or quota < 0 or jsonb_typeof(tags) <> 'object' then
        raise exception 'versioning %, quota %, tags %: not allowed', versioning, quota, tags
            using errcode = 'invalid_parameter_value',
                  hint = 'Versioning is enabled or suspended (it cannot be off again), a quota is in bytes and 0 for none, tags are a JSON object.';
    end if;
    perform from howdah.bucket x where x.number = b.number for update;
    update howdah.bucket x set versioning = coalesce(alter_bucket.versioning, x.versioning), tags = coalesce(alter_bucket.tags, x.tags),
        quota = case when alter_bucket.quota is null then x.quota else nullif(alter_bucket.quota, 0) end,
        used = case when alter_bucket.quota > 0 then (select coalesce(sum(o.size), 0) from howdah.object o where o.bucket = b.number) else x.used end
        where x.number = b.number;
end $$;
