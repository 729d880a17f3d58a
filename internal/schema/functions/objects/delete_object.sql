-- howdah.delete_object: deletes an object, or one version of it. With versioning and without a version it adds a deletion instead.
-- if_match is the etag that it must have. Null: there was nothing to delete. Locks: the bucket's row against changes, the key's rows.
create or replace function howdah.delete_object(bucket text, key text, version_id text default null, if_match text default null) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'DELETE');
    o howdah.object;
begin
    perform howdah.check_key(key);
    if b.quota is null then
        select * into b from howdah.bucket x where x.number = b.number for key share;
    else
        select * into b from howdah.bucket x where x.number = b.number for no key update;
    end if;
    if version_id is null then
        select * into o from howdah.object x where x.bucket = b.number and x.key = delete_object.key and x.latest for update;
    elsif version_id = 'null' then
        select * into o from howdah.object x where x.bucket = b.number and x.key = delete_object.key and x.unversioned for update;
    else
        select * into o from howdah.object x where x.bucket = b.number and x.key = delete_object.key and not x.unversioned
            and x.version = howdah.version_number(version_id) for update;
    end if;
    if if_match is not null and (o.key is null or o.marker or if_match <> '*' and trim(if_match, '"') <> o.etag) then
        raise exception 'object % has etag %, not %', quote_literal(key), coalesce(o.etag, 'none'), if_match
            using errcode = case when o.key is null or o.marker then 'HW102' else 'HW103' end, hint = 'Somebody replaced or deleted it meanwhile: read it again.';
    end if;
    if version_id is null and b.versioning <> 'off' then
        o := howdah.object_of(key, 0, '{}', '{"etag": ""}');
        o.marker := true;
        return howdah.object_info(howdah.store_version(o, b, '{}'), b);
    end if;
    if o.key is null then
        return null;
    end if;
    perform howdah.remove_version(o, b);
    if o.latest then                                        -- what came before is the latest again
        update howdah.object x set latest = true where x.bucket = b.number and x.key = o.key and x.version =
            (select max(y.version) from howdah.object y where y.bucket = b.number and y.key = o.key);
    end if;
    return howdah.object_info(o, b);
end $$;
