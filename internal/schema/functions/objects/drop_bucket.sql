-- howdah.drop_bucket: drops an empty bucket; uploads that were not completed are aborted.
-- Locks: the catalogue's advisory lock, the bucket's row, ACCESS EXCLUSIVE on its view.
create or replace function howdah.drop_bucket(bucket text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, null);
begin
    perform howdah.need_owner('drop buckets');
    perform pg_advisory_xact_lock(1213159168, 0);
    perform from howdah.bucket x where x.number = b.number for update;
    if exists (select from howdah.object o where o.bucket = b.number) then
        raise exception 'bucket % is not empty', quote_literal(bucket)
            using errcode = 'HW105', hint = 'Delete its objects, and all their versions, first.';
    end if;
    perform howdah.end_upload(u.upload) from howdah.upload u where u.bucket = b.number;
    execute format('drop view %s', b.source);
    delete from howdah.bucket x where x.number = b.number;
end $$;
