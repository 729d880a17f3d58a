-- howdah.write_view: what the view of a bucket does on writes: DELETE deletes objects, the rest is refused with advice.
create or replace function howdah.write_view() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'DELETE' then
        perform howdah.delete_object(tg_argv[0], old.key);
        return old;
    end if;
    raise exception 'a bucket cannot be written by %', tg_op
        using errcode = 'feature_not_supported', hint = 'Use howdah.put_object(bucket, key, body), the Go API, or S3.';
end $$;
revoke execute on function howdah.write_view() from public;
