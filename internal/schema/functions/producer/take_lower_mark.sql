-- howdah.take_lower_mark: takes a mark below v when v itself is locked by somebody else. Any lower mark is safe. First the
-- next lower ones, then far ones at random, so that nobody can lock them all.
create or replace function howdah.take_lower_mark(class int, v bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    m bigint;
begin
    for i in 1..64 loop
        m := case when i <= 16 then v - i else v - 17 - floor(random() * 16777216)::bigint end;
        if pg_try_advisory_xact_lock_shared(class, (m & 2147483647)::int) then
            return;
        end if;
    end loop;
    raise exception 'no free mark at or below %', v
        using errcode = 'lock_not_available',
              detail = (select format('Process %s holds advisory lock (%s, %s) exclusively.', pid, classid, objid) from pg_locks
                        where locktype = 'advisory' and classid = take_lower_mark.class and mode = 'ExclusiveLock' limit 1),
              hint = 'Only Howdah''s producers may use advisory locks of this class; end the process that holds them.';
end $$;
