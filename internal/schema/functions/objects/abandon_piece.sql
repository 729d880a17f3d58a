-- howdah.abandon_piece: lets go of a piece that was not finished, so that its space comes back with the next upkeep.
create or replace function howdah.abandon_piece(piece bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    source regclass := (select b.source from howdah.piece p join howdah.bucket b on b.number = p.bucket where p.piece = abandon_piece.piece);
begin
    if source is not null then
        perform howdah.need('INSERT', source);
        update howdah.piece p set expires_at = clock_timestamp() where p.piece = abandon_piece.piece and p.refs = 0 and p.sha256 is null;
    end if;
end $$;
