-- howdah.drop_pieces: takes one reference from pieces. What has none left goes: at once where it is read in one statement,
-- whose snapshot keeps it, and after a grace where readers come back for more.
create or replace function howdah.drop_pieces(pieces bigint[], at_once boolean) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
    gone bigint[];
begin
    with dropped as (
        update howdah.piece p set refs = p.refs - 1, expires_at = case when p.refs = 1 then clock_timestamp() + howdah.get_setting('object_grace')::interval end
            where p.piece = any (pieces) returning p.piece, p.refs
    ) select array_agg(d.piece) into gone from dropped d where d.refs = 0;
    if at_once and gone is not null then
        delete from howdah.chunk c where c.piece = any (gone);
        delete from howdah.piece p where p.piece = any (gone);
    end if;
end $$;
revoke execute on function howdah.drop_pieces(bigint[], boolean) from public;
