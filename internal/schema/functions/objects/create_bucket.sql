-- howdah.create_bucket: makes a bucket and its view objects.<bucket>. The same again is no error.
-- Locks: one advisory lock for all changes of the catalogue, to the end of the transaction.
create or replace function howdah.create_bucket(bucket text, versioning boolean default false, quota bigint default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    b howdah.bucket;
    n int;
    v text;
begin
    perform howdah.check_bucket_name(bucket);
    v := format('objects.%I', bucket);
    perform howdah.need_owner('create buckets');
    if versioning is null or quota <= 0 then
        raise exception 'versioning is %, quota is %', coalesce(versioning::text, 'null'), coalesce(quota::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Use true or false, and a positive quota in bytes or null for none.';
    end if;
    perform pg_advisory_xact_lock(1213159168, 0);
    select * into b from howdah.bucket x where x.name = bucket;
    if b.number is not null then
        if (b.versioning = 'enabled') <> versioning or b.quota is distinct from quota then
            raise exception 'bucket % exists, and differs: versioning %, quota %', quote_literal(bucket), b.versioning, coalesce(b.quota::text, 'none')
                using errcode = 'duplicate_object', hint = 'Use it as it is, or change it with howdah.alter_bucket.';
        end if;
        return;
    end if;
    if to_regclass(v) is not null then
        raise exception 'relation % exists and is not a bucket', v using errcode = 'duplicate_table', hint = 'Take another name.';
    end if;
    n := nextval(pg_get_serial_sequence('howdah.bucket', 'number'));
    execute format('create view %s with (security_barrier) as
        select key, size, etag, content_type, metadata, tags, modified_at, howdah.version_name(version, unversioned) as version_id, sha256
        from howdah.object where bucket = %s and latest and not marker', v, n);
    execute format('create trigger howdah_write instead of insert or update or delete on %s for each row execute function howdah.write_view(%L)', v, bucket);
    insert into howdah.bucket (number, name, source, versioning, quota) overriding system value
        values (n, bucket, v::regclass, case when versioning then 'enabled' else 'off' end, quota);
end $$;
