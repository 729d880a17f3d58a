-- howdah.object_info: how a version of an object is answered to clients. No locks, no tables.
create or replace function howdah.object_info(o howdah.object, b howdah.bucket) returns jsonb
language sql stable as $$
    select pg_catalog.jsonb_build_object('bucket', b.name, 'key', o.key, 'size', o.size, 'etag', o.etag, 'content_type', o.content_type,
        'headers', o.headers, 'metadata', o.metadata, 'tags', o.tags, 'sha256', pg_catalog.encode(o.sha256, 'hex'), 'checksum', o.checksum,
        'modified_at', o.modified_at, 'version_id', howdah.version_name(o.version, o.unversioned), 'latest', o.latest, 'marker', o.marker,
        'versioned', b.versioning operator(pg_catalog.<>) 'off', 'parts', pg_catalog.cardinality(o.pieces))
$$;
revoke execute on function howdah.object_info(howdah.object, howdah.bucket) from public;
