-- howdah.open_object: what is known about an object, with its bytes where it is small and wanted (body), and where they are
-- (pieces and their sizes) where it is not. One snapshot: a reader sees one object and never half of another.
create or replace function howdah.open_object(bucket text, key text, version_id text, body boolean, out info jsonb, out data bytea, out pieces bigint[], out sizes bigint[])
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'SELECT');
    o howdah.object := howdah.find_object(b, key, version_id, false);
begin
    info := howdah.object_info(o, b);
    if not body then
        return;
    end if;
    if howdah.is_small(o.size, o.pieces) then
        if o.size <= 262144 then
            select c.data into data from howdah.chunk c where c.piece = o.pieces[1] and c.seq = 0;
        else
            select string_agg(c.data, '' order by c.seq) into data from howdah.chunk c where c.piece = o.pieces[1];
        end if;
        data := coalesce(data, '');
    else
        pieces := o.pieces;
        sizes := array(select p.size from unnest(o.pieces) with ordinality u (piece, n) join howdah.piece p using (piece) order by u.n);
    end if;
end $$;
