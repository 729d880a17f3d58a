-- howdah.write_chunks: adds chunks to a piece that is being written. Locks the piece's row; a piece that was collected meanwhile is an error.
-- hasty: the transaction does not wait for the disk; the one that gives the piece a name does.
create or replace function howdah.write_chunks(piece bigint, first_seq int, data bytea[], hasty boolean default false) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    b howdah.bucket;
begin
    if hasty then
        perform set_config('synchronous_commit', 'off', true);
    end if;
    select x.* into b from howdah.piece p join howdah.bucket x on x.number = p.bucket where p.piece = write_chunks.piece;
    if b.number is not null then
        perform howdah.need('INSERT', b.source);
        update howdah.piece p set size = p.size + (select sum(octet_length(d)) from unnest(data) d),
            expires_at = clock_timestamp() + howdah.get_setting('object_write_timeout')::interval
            where p.piece = write_chunks.piece and p.refs = 0 and p.expires_at is not null and p.sha256 is null;
    end if;
    if not found then
        raise exception 'piece % is not being written any more', piece
            using errcode = 'HW104', hint = 'The upload stood still for too long, or the bucket was dropped. Upload it again.';
    end if;
    insert into howdah.chunk (piece, seq, data) select write_chunks.piece, first_seq + d.n::int - 1, d.x from unnest(data) with ordinality d (x, n);
end $$;
