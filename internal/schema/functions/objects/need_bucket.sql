-- howdah.need_bucket: the bucket of that name, for a caller with that right on its view, objects.<bucket>; else an error.
-- Reads howdah.bucket by name. Called by functions that act as the owner.
create or replace function howdah.need_bucket(bucket text, privilege text) returns howdah.bucket
language plpgsql stable as $$
declare
    b howdah.bucket;
begin
    select * into b from howdah.bucket x where x.name = need_bucket.bucket;
    if b.number is null then
        raise exception 'unknown bucket %', coalesce(quote_literal(bucket), 'null')
            using errcode = 'HW101',
                  hint = coalesce('There are: ' || (select string_agg(x.name, ', ' order by x.name)
                                                    from (select name from howdah.bucket order by name limit 50) x) || '.',
                                  'There are no buckets yet; create one with howdah.create_bucket.');
    end if;
    if privilege is not null then
        perform howdah.need(privilege, b.source);
    end if;
    return b;
end $$;
revoke execute on function howdah.need_bucket(text, text) from public;
