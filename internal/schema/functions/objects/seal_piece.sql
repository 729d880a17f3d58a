-- howdah.seal_piece: ends the writing of a piece and gives it its first reference. Locks the piece's row.
create or replace function howdah.seal_piece(piece bigint, b howdah.bucket, size bigint, info jsonb) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
    update howdah.piece p set refs = 1, expires_at = null, md5 = decode(info ->> 'md5', 'hex'), sha256 = decode(info ->> 'sha256', 'hex')
        where p.piece = seal_piece.piece and p.bucket = b.number and p.refs = 0 and p.sha256 is null and p.size = seal_piece.size;
    if not found then
        raise exception 'piece % of % bytes is not being written any more', piece, size
            using errcode = 'HW104', hint = 'The upload stood still for too long. Upload it again.';
    end if;
end $$;
revoke execute on function howdah.seal_piece(bigint, howdah.bucket, bigint, jsonb) from public;
