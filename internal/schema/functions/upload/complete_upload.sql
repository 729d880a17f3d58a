-- howdah.complete_upload: makes the named parts, in that order, an object. Parts of the upload that are not named go. Nothing is copied.
-- info adds to what was said when the upload began: checksum, if_match, if_none_match.
create or replace function howdah.complete_upload(bucket text, key text, upload text, numbers int[], etags text[], info jsonb default '{}') returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    b     howdah.bucket := howdah.need_bucket(bucket, 'INSERT');
    u     howdah.upload := howdah.find_upload(b, key, upload, true);
    pieces bigint[];
    sizes bigint[];
    etag  text;
    o     howdah.object;
    bad   int;
begin
    if coalesce(cardinality(numbers), 0) = 0 or cardinality(numbers) <> cardinality(etags) then
        raise exception 'the list of parts is empty' using errcode = 'invalid_parameter_value', hint = 'Name at least one part.';
    end if;
    if exists (select from generate_series(2, cardinality(numbers)) i where numbers[i] <= numbers[i - 1]) then
        raise exception 'the parts are not in the order of their numbers' using errcode = 'HW111', hint = 'Name each part once, in ascending order.';
    end if;
    select array_agg(p.piece order by w.n), array_agg(p.size order by w.n), md5(string_agg(decode(p.etag, 'hex'), '' order by w.n)) || '-' || count(*),
           min(w.number) filter (where p.etag is distinct from trim(w.etag, '"'))
        into pieces, sizes, etag, bad
        from unnest(numbers, etags) with ordinality w (number, etag, n) left join howdah.part p on p.upload = u.upload and p.number = w.number;
    if bad is not null then
        raise exception 'part % is not there, or has another etag', bad using errcode = 'HW112', hint = 'Upload it again, and name the etag that is answered.';
    end if;
    select min(i) into bad from generate_series(1, cardinality(sizes) - 1) i where sizes[i] < 5242880;
    if bad is not null then
        raise exception 'part % has % bytes', numbers[bad], sizes[bad]
            using errcode = 'HW113', hint = 'Every part but the last has at least 5 MiB.';
    end if;
    update howdah.piece p set refs = p.refs + 1 where p.piece = any (pieces);
    perform howdah.end_upload(u.upload);
    o := howdah.object_of(key, (select sum(s) from unnest(sizes) s)::bigint, pieces, u.info || info || jsonb_build_object('etag', etag));
    o.sha256 := case when cardinality(pieces) = 1 then (select p.sha256 from howdah.piece p where p.piece = pieces[1]) end;
    return howdah.object_info(howdah.store_version(o, b, u.info || info), b);
end $$;
