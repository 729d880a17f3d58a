-- howdah.next_piece: the named piece above one, for who checks the bytes of all. For the owner. Index: the primary key of howdah.piece.
create or replace function howdah.next_piece(above bigint) returns table (piece bigint, size bigint, md5 bytea, sha256 bytea)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
begin
    perform howdah.need_owner('check all objects');
    return query select p.piece, p.size, p.md5, p.sha256 from howdah.piece p where p.piece > above and p.refs > 0 order by p.piece limit 1;
end $$;
