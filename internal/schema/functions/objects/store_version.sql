-- howdah.store_version: makes a new version of an object the latest, in place of what the bucket's versioning says, if the
-- conditions in info (if_match, if_none_match) hold. The caller has counted the references of o.pieces.
-- Locks: the bucket's row against changes of the bucket (and against other writers where it has a quota), the key's latest row.
create or replace function howdah.store_version(o howdah.object, b howdah.bucket, info jsonb) returns howdah.object
language plpgsql as $$
#variable_conflict use_variable
declare
    old  howdah.object;
    want text;
    more bigint := o.size;
begin
    perform howdah.check_key(o.key);
    if b.quota is null then
        select * into b from howdah.bucket x where x.number = b.number for key share;
    else
        select * into b from howdah.bucket x where x.number = b.number for no key update;
    end if;
    if b.number is null then
        raise exception 'the bucket was dropped' using errcode = 'HW101', hint = 'Create it again.';
    end if;
    loop
        select * into old from howdah.object x where x.bucket = b.number and x.key = o.key and x.latest for update;
        if found and not old.marker then
            want := info ->> 'if_none_match';
            if want is not null and (want = '*' or trim(want, '"') = old.etag) then
                raise exception 'object % exists, with etag %', quote_literal(o.key), old.etag
                    using errcode = 'HW103', hint = 'Leave the condition (if_none_match) out to replace it.';
            end if;
            want := info ->> 'if_match';
            if want is not null and want <> '*' and trim(want, '"') <> old.etag then
                raise exception 'object % has etag %, not %', quote_literal(o.key), old.etag, want
                    using errcode = 'HW103', hint = 'Somebody replaced it meanwhile: read it again.';
            end if;
        elsif info ->> 'if_match' is not null then
            raise exception 'there is no object % in bucket %', quote_literal(o.key), b.name
                using errcode = 'HW102', hint = 'The condition (if_match) asks for one.';
        end if;
        if b.versioning = 'off' then
            if old.key is not null then
                perform howdah.remove_version(old, b);
            end if;
        else
            update howdah.object x set latest = false where x.bucket = b.number and x.key = o.key and x.latest;
            if b.versioning = 'suspended' then
                perform howdah.remove_version(x, b) from (select * from howdah.object y where y.bucket = b.number and y.key = o.key and y.unversioned for update) x;
            end if;
        end if;
        insert into howdah.object as x values (b.number, o.key, nextval('howdah.version_number'), true, b.versioning <> 'enabled', o.marker, o.size,
            o.etag, o.content_type, o.headers, o.metadata, o.tags, o.sha256, o.checksum, o.pieces, clock_timestamp())
            on conflict (bucket, key) where latest do nothing returning * into old;
        exit when found;                                    -- else somebody was faster: look again
    end loop;
    if b.quota is not null and more > 0 then
        update howdah.bucket x set used = x.used + more where x.number = b.number returning * into b;
        if b.used > b.quota then
            raise exception 'bucket % would hold % bytes, more than its quota of %', quote_literal(b.name), b.used, b.quota
                using errcode = 'HW107', hint = 'Delete objects or old versions, or raise the quota with howdah.alter_bucket.';
        end if;
    end if;
    return old;
end $$;
revoke execute on function howdah.store_version(howdah.object, howdah.bucket, jsonb) from public;
