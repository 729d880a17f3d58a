-- howdah.begin_piece: makes an empty piece to write chunks into. Nobody sees it until a version or a part names it.
create or replace function howdah.begin_piece(bucket text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'INSERT');
    n bigint;
begin
    insert into howdah.piece (bucket, expires_at) values (b.number, clock_timestamp() + howdah.get_setting('object_write_timeout')::interval)
        returning piece into n;
    return n;
end $$;
