-- howdah.read_chunks: some chunks of a piece. Where the object was replaced or deleted meanwhile it puts off the collection, so that
-- who has begun to read can finish. Index: the primary key of howdah.chunk.
create or replace function howdah.read_chunks(piece bigint, first_seq int, chunks int) returns table (data bytea)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    p     howdah.piece;
    b     regclass;
    grace interval;
begin
    select * into p from howdah.piece x where x.piece = read_chunks.piece;
    b := (select x.source from howdah.bucket x where x.number = p.bucket);
    if b is null then
        raise exception 'the object was deleted a while ago' using errcode = 'HW104', hint = 'Open it again.';
    end if;
    perform howdah.need('SELECT', b);
    if p.refs = 0 then
        grace := howdah.get_setting('object_grace')::interval;
        if p.expires_at < clock_timestamp() + grace / 2 and not current_setting('transaction_read_only')::boolean then
            update howdah.piece x set expires_at = clock_timestamp() + grace where x.piece = p.piece and x.refs = 0;
        end if;
    end if;
    return query select c.data from howdah.chunk c where c.piece = p.piece and c.seq >= first_seq and c.seq < first_seq + chunks order by c.seq;
end $$;
