-- howdah.copy_object: copies an object, within a bucket or between two, without reading its bytes: both name the same pieces.
-- What info has replaces what the source says; if_match and if_none_match are conditions on the target. Locks: the pieces' rows.
create or replace function howdah.copy_object(from_bucket text, from_key text, from_version text, bucket text, key text, info jsonb default '{}') returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    source howdah.bucket := howdah.need_bucket(from_bucket, 'SELECT');
    target howdah.bucket := howdah.need_bucket(bucket, 'INSERT');
    o howdah.object;
    n howdah.object;
begin
    for try in 1..10 loop
        o := howdah.find_object(source, from_key, from_version);
        exit when (select count(*) from (select from howdah.piece p where p.piece = any (o.pieces) and p.refs > 0 order by p.piece for no key update) x)
            = cardinality(o.pieces);
        o := null;                                          -- it was replaced in between: look again
    end loop;
    if o.key is null then
        raise exception 'object % was replaced again and again while it was copied', quote_literal(from_key)
            using errcode = 'lock_not_available', hint = 'Try again.';
    end if;
    update howdah.piece p set refs = p.refs + 1 where p.piece = any (o.pieces);
    n := howdah.object_of(key, o.size, o.pieces, jsonb_build_object('etag', o.etag, 'content_type', o.content_type, 'headers', o.headers,
        'metadata', o.metadata, 'tags', o.tags, 'sha256', encode(o.sha256, 'hex'), 'checksum', o.checksum) || (info - '{etag,md5,sha256}'::text[]));
    return howdah.object_info(howdah.store_version(n, target, info), target);
end $$;
