-- howdah.open_object: what is known about an object, in the first row; with it the bytes, where it is small and they are wanted (body), a
-- row a chunk, or where they are (pieces and their sizes) where it is not. One snapshot: a reader sees one object and never half of another.
-- Bytes go to the client as they are stored, without a copy in between. Index: object_latest and the primary key of howdah.chunk.
create or replace function howdah.open_object(bucket text, key text, version_id text, body boolean)
    returns table (info jsonb, data bytea, pieces bigint[], sizes bigint[])
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    b howdah.bucket;
    o howdah.object;
begin
    select * into b from howdah.bucket x where x.name = open_object.bucket;
    if b.number is null or not has_table_privilege(howdah.caller(), b.source, 'SELECT') then
        b := howdah.need_bucket(bucket, 'SELECT');          -- says what is wrong
    end if;
    if version_id is null then
        select * into o from howdah.object x where x.bucket = b.number and x.key = open_object.key and x.latest;
    end if;
    if o.key is null or o.marker then
        o := howdah.find_object(b, key, version_id); -- a version, or says what is wrong
    end if;
    info := howdah.object_info(o, b);
    if not body or o.size = 0 then
        data := '';
        return next;
    elsif howdah.is_small(o.size, o.pieces) then
        return query select case when c.seq = 0 then info end, c.data, null::bigint[], null::bigint[] from howdah.chunk c
            where c.piece = o.pieces[1] order by c.seq;
    else
        pieces := o.pieces;
        sizes := array(select p.size from unnest(o.pieces) with ordinality u (piece, n) join howdah.piece p using (piece) order by u.n);
        return next;
    end if;
end $$;
