-- howdah.collect_objects: aborts uploads that are too old and deletes bytes that nothing names any more, about 1 GiB a call.
-- Index: piece_expiring. Rows that others hold are left for the next call. Returns how many pieces went.
create or replace function howdah.collect_objects() returns bigint
language plpgsql volatile set enable_seqscan = off as $$
declare
    p howdah.piece;
    n bigint := 0;
    bytes bigint := 0;
begin
    perform howdah.end_upload(u.upload) from (select x.upload from howdah.upload x
        where x.created_at < clock_timestamp() - howdah.get_setting('upload_interval')::interval for update skip locked limit 10) u;
    for p in select * from howdah.piece x where x.refs = 0 and x.expires_at < clock_timestamp() order by x.expires_at limit 5000 for update skip locked loop
        delete from howdah.chunk c where c.piece = p.piece;
        delete from howdah.piece x where x.piece = p.piece;
        n := n + 1;
        bytes := bytes + p.size;
        exit when bytes > 1073741824;
    end loop;
    return n;
end $$;
revoke execute on function howdah.collect_objects() from public;
