-- howdah.object_of: a row of howdah.object from what a client says about an object (info): etag, content_type, headers, metadata,
-- tags, sha256, checksum. No locks, no tables.
create or replace function howdah.object_of(key text, size bigint, pieces bigint[], info jsonb) returns howdah.object
language plpgsql immutable as $$
declare
    o howdah.object;
begin
    o.key := key;
    o.size := size;
    o.pieces := pieces;
    o.marker := false;
    o.etag := coalesce(info ->> 'etag', info ->> 'md5');
    o.content_type := coalesce(nullif(info ->> 'content_type', ''), 'application/octet-stream');
    o.headers := coalesce(nullif(info -> 'headers', 'null'), '{}');
    o.metadata := coalesce(nullif(info -> 'metadata', 'null'), '{}');
    o.tags := coalesce(nullif(info -> 'tags', 'null'), '{}');
    o.sha256 := decode(info ->> 'sha256', 'hex');
    o.checksum := nullif(info -> 'checksum', 'null');
    if o.etag is null or jsonb_typeof(o.headers) <> 'object' or jsonb_typeof(o.metadata) <> 'object' or jsonb_typeof(o.tags) <> 'object' then
        raise exception 'what is said about the object is not complete: %', info
            using errcode = 'invalid_parameter_value', hint = 'headers, metadata and tags are JSON objects.';
    end if;
    return o;
end $$;
revoke execute on function howdah.object_of(text, bigint, bigint[], jsonb) from public;
