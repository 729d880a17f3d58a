-- howdah.put_part: makes a piece that was written a part of an upload, in place of an earlier one of that number.
create or replace function howdah.put_part(bucket text, key text, upload text, number int, piece bigint, size bigint, info jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'INSERT');
    u howdah.upload := howdah.find_upload(b, key, upload, false);
    p howdah.part;
    waiting bigint;
begin
    if number is null or number not between 1 and 10000 then
        raise exception 'part number is %, not between 1 and 10000', number using errcode = 'invalid_parameter_value', hint = 'Use bigger parts.';
    end if;
    perform howdah.seal_piece(piece, b, size, info);
    loop
        select * into p from howdah.part x where x.upload = u.upload and x.number = put_part.number for update;
        if found then
            perform howdah.drop_pieces(array[p.piece], false);
            delete from howdah.part x where x.upload = u.upload and x.number = put_part.number;
        end if;
        insert into howdah.part (upload, number, piece, size, etag, checksum)
            values (u.upload, number, piece, size, info ->> 'md5', nullif(info -> 'checksum', 'null')) on conflict do nothing;
        exit when found;
    end loop;
    if b.quota is not null then
        select sum(x.size) into waiting from howdah.part x where x.upload = u.upload;
        if b.used + waiting > b.quota then
            raise exception 'bucket % would hold % bytes, more than its quota of %', quote_literal(b.name), b.used + waiting, b.quota
                using errcode = 'HW107', hint = 'Delete objects or old versions, or raise the quota with howdah.alter_bucket.';
        end if;
    end if;
end $$;
