-- howdah.list_parts: a page of the parts of an upload, by number.
create or replace function howdah.list_parts(bucket text, key text, upload text, after int default 0, max_parts int default 1000)
    returns table (number int, size bigint, etag text, checksum jsonb, modified_at timestamptz, info jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    u howdah.upload := howdah.find_upload(howdah.need_bucket(bucket, 'INSERT'), key, upload, false);
begin
    return query select p.number, p.size, p.etag, p.checksum, p.modified_at, u.info from howdah.part p
        where p.upload = u.upload and p.number > after order by p.number limit max_parts;
end $$;
