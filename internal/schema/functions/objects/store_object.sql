-- howdah.store_object: stores a whole object in one call: its bytes in chunks of 256 KiB (the last may be smaller), and what info
-- says about it: md5 and sha256 in hex, and see howdah.object_of. For objects that fit; big ones go through howdah.begin_piece.
create or replace function howdah.store_object(bucket text, key text, data bytea[], info jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'INSERT');
    n bigint;
    o howdah.object;
    total bigint := (select coalesce(sum(octet_length(data[i])), 0) from generate_subscripts(data, 1) i);
begin
    if cardinality(data) > 0 then
        insert into howdah.piece (bucket, size, md5, sha256, refs) values (b.number, total, decode(info ->> 'md5', 'hex'), decode(info ->> 'sha256', 'hex'), 1)
            returning piece into n;
        if cardinality(data) = 1 then                       -- unnest would copy it once more
            insert into howdah.chunk (piece, seq, data) values (n, 0, data[1]);
        else
            insert into howdah.chunk (piece, seq, data) select n, d.n::int - 1, d.x from unnest(data) with ordinality d (x, n);
        end if;
    end if;
    o := howdah.store_version(howdah.object_of(key, total, case when n is null then '{}' else array[n] end, info), b, info);
    return howdah.object_info(o, b);
end $$;
