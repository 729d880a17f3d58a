-- howdah.finish_object: makes a piece that was written with howdah.write_chunks an object. info is that of howdah.store_object.
create or replace function howdah.finish_object(bucket text, key text, piece bigint, size bigint, info jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'INSERT');
begin
    perform howdah.seal_piece(piece, b, size, info);
    return howdah.object_info(howdah.store_version(howdah.object_of(key, size, array[piece], info), b, info), b);
end $$;
